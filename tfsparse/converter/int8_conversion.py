"""TensorFlow's conversion to int8, in a process of its own.

Its calibrator crashes on some models, such as those with a loop (TensorFlow 2.21). A crash must not
end the calling process.
"""

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from tfsparse import processes
from tfsparse.formatting import last_line

# Files beside the SavedModel.
BATCHES, CONVERTED, ERROR = "batches.npz", "model.tflite", "error.txt"


def in_a_process(folder, signature, batches):
    """Converts a SavedModel to a TFLite file with weights and activations of 8 bits.

    Args:
        folder: The SavedModel. Files are written to it.
        signature: The key of its only signature.
        batches: Calibration data, a list of dictionaries of arrays by input. Batches may differ in
            their shapes.

    Returns:
        The bytes of the file.

    Raises:
        RuntimeError: TensorFlow cannot convert it, or crashes.
    """
    arrays = {
        f"{number}/{name}": array
        for number, batch in enumerate(batches)
        for name, array in batch.items()
    }
    np.savez(os.path.join(folder, BATCHES), **arrays)
    command = processes.command("tfsparse.converter.int8_conversion", folder, signature)
    # This process may hold the GPU's memory; the calibration needs no GPU.
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise RuntimeError(f"{_reason(folder, done)}\n{done.stderr.strip()}")
    return Path(folder, CONVERTED).read_bytes()


def _reason(folder, done):
    """The reason why the process failed."""
    if done.returncode == -signal.SIGKILL:
        return "its calibration was killed (SIGKILL), as happens where memory is short."
    if done.returncode < 0:
        return (
            f"its calibration crashed ({signal.Signals(-done.returncode).name}). TensorFlow "
            "crashes on loops, which LSTM, GRU and other recurrent layers are: build them with "
            "unroll=True, or convert with weights='float16'."
        )
    error = Path(folder, ERROR)
    return error.read_text() if error.exists() else last_line(done.stderr)


def _convert(folder, signature):
    import tensorflow as tf

    _calibrate_with_every_shape()
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[signature])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: _read_batches(os.path.join(folder, BATCHES))
    Path(folder, CONVERTED).write_bytes(converter.convert())


def _read_batches(path):
    """Yields the batches, by input: TensorFlow changes the order of the inputs."""
    with np.load(path, allow_pickle=True) as arrays:  # Strings are objects.
        for _, names in itertools.groupby(arrays.files, lambda name: name.split("/")[0]):
            yield {name.split("/", 1)[1]: arrays[name] for name in names}


def _calibrate_with_every_shape():
    """Lets the calibration resize the inputs when the shapes of the data change.

    TensorFlow resizes them for the first batch only, and refuses other shapes.
    """
    from tensorflow.lite.python.optimize import calibrator

    feed_batches_of_one_shape = calibrator.Calibrator._feed_tensors

    def feed(self, dataset, resize_input):
        def shapes(batch):
            return {name: array.shape for name, array in batch.items()}

        for _, batches in itertools.groupby(dataset(), shapes):
            feed_batches_of_one_shape(self, batches.__iter__, resize_input)

    calibrator.Calibrator._feed_tensors = feed


if __name__ == "__main__":
    try:
        _convert(*sys.argv[1:])
    except Exception as error:
        Path(sys.argv[1], ERROR).write_text(str(error))
        raise
