"""How large is the file of a pruned network, with tfsparse's encoding and with TFLite's own?

Every convolution and dense layer of the network is pruned; weights are random. Each file is the
same network: as TensorFlow converts it, as `tfsparse.convert` encodes that, and as TensorFlow's
converter writes it with `Optimize.EXPERIMENTAL_SPARSITY`. "runs" is whether LiteRT's default
interpreter gives the outputs of the dense file. The last columns are compressed files, which none
runs: by gzip, by Zstandard (where the package `zstandard` is installed), and by `tfsparse.pack`.

    python benchmarks/size.py
    python benchmarks/size.py mobilenet_v1 --sparsity 0.9 --encoding csr
"""

import gzip
import tempfile
from pathlib import Path

import archives
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

import tfsparse
from tfsparse.capture import captured_output
from tfsparse.zoo import catalogue

SPARSITY = flags.DEFINE_float("sparsity", 0.8, "Fraction of zeros in every layer.", 0, 1)
SIZE = flags.DEFINE_integer("size", 96, "Height and width, of which a file's size is free.", 32)
ENCODING = flags.DEFINE_enum("encoding", "auto", ["auto", "csr"], "See tfsparse.convert.")
EXAMPLES = 4  # for int8: enough for ranges, as the weights are random


def build(name):
    """A network with zeros in every convolution, depthwise ones included, and dense layer."""
    model = catalogue.build(name, SPARSITY.value, size=SIZE.value)
    for variable in model.trainable_variables:
        if variable.name == "kernel":
            values = variable.numpy()
            kept = np.abs(values) >= np.quantile(np.abs(values), SPARSITY.value)
            variable.assign(np.where(kept, values, 0))
    return model


def of_tensorflow(model, weights, examples):
    """The bytes that TensorFlow's own converter writes for sparse weights."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]
    if weights != "float32":
        converter.optimizations.append(tf.lite.Optimize.DEFAULT)
    if weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif weights == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: ([x[None]] for x in examples)
    with captured_output():
        return converter.convert()


def outputs(path):
    """What LiteRT's default interpreter gives for a random image; `None` if it refuses the file."""
    from ai_edge_litert.interpreter import Interpreter

    with captured_output():
        try:
            interpreter = Interpreter(str(path))
            interpreter.allocate_tensors()
            (details,) = interpreter.get_input_details()
            image = np.random.default_rng(1).random(details["shape"], np.float32)
            interpreter.set_tensor(details["index"], image)
            interpreter.invoke()
        except RuntimeError:
            return None
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def rows(name, folder):
    """Yields a row of the table for each type of weights."""
    model = build(name)
    examples = np.random.default_rng(0).random((EXAMPLES, SIZE.value, SIZE.value, 3), np.float32)
    for weights in ("float32", "float16", "int8"):
        dense, ours, theirs = (folder / f"{file}.tflite" for file in ("dense", "ours", "theirs"))
        dataset = examples if weights == "int8" else None
        tfsparse.convert(
            model, dense, weights=weights, encoding="none", representative_dataset=dataset
        )
        tfsparse.convert(dense, ours, encoding=ENCODING.value)
        theirs.write_bytes(of_tensorflow(model, weights, examples))
        expected, whole = outputs(dense), dense.stat().st_size
        for label, path in (("dense", dense), ("tfsparse", ours), ("TensorFlow", theirs)):
            data, result = path.read_bytes(), outputs(path)
            runs = result is not None and np.allclose(result, expected, rtol=1e-4, atol=1e-5)
            yield (
                weights,
                label,
                f"{len(data) / 1e6:.2f}",
                f"{len(data) / whole:.3f}",
                "yes" if runs else "no",
                f"{len(gzip.compress(data, 6)) / 1e6:.2f}",
                _megabytes(archives.zstd_size(data)),
                _megabytes(archives.packed_size(path)),
            )


def _megabytes(size):
    return "" if size is None else f"{size / 1e6:.2f}"


def main(argv):
    names = argv[1:] or ["mobilenet_v2"]
    for name in names:
        if name not in catalogue.ARCHITECTURES:
            raise app.UsageError(f"{name!r} is none of {', '.join(catalogue.ARCHITECTURES)}.")
    for name in names:
        table = Table("weights", "file", title=f"{name}, {SPARSITY.value:.0%} zeros")
        for column in ("MB", "of dense", "runs", "gzip, MB", "zstd, MB", "packed, MB"):
            table.add_column(column, justify="right")
        with tempfile.TemporaryDirectory() as folder:
            for row in rows(name, Path(folder)):
                table.add_row(*row)
        Console(width=120).print(table)


if __name__ == "__main__":
    flags.FLAGS.set_gnu_getopt(True)  # Lets flags follow the names.
    app.run(main)
