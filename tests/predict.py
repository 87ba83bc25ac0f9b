"""Predicts with an installed tfsparse, as TFLite's own kernels do: a wheel that can, is whole.

python predict.py MODEL     # needs numpy and ai-edge-litert
python predict.py           # needs TensorFlow too, and makes a small model
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import tfsparse


def main(path):
    plain, delegated = Interpreter(path), tfsparse.Interpreter(path, options={"auto": False})
    prediction, expected = predict(delegated), predict(plain)
    operators = [operator["op_name"] for operator in delegated._get_ops_details()]
    assert operators[-1] == "DELEGATE", f"the delegate took nothing of {operators}"
    assert np.ptp(expected) > 0, "a model whose outputs prove nothing"
    np.testing.assert_allclose(prediction, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    print(f"{tfsparse.__file__} predicts {prediction.tolist()}")


def predict(interpreter):
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    pixels = np.random.default_rng(0).uniform(0, 255, taken["shape"])
    interpreter.set_tensor(taken["index"], pixels.astype(np.float32))
    interpreter.invoke()
    return interpreter.get_tensor(given["index"])


def make_model(folder):
    from tfsparse.zoo import architectures

    model = architectures.small_mobilenet_v2((32, 32, 3), classes=4)
    tfsparse.GradualPruning(final_sparsity=0.8).apply(model)
    return tfsparse.convert(model, Path(folder, "model.tflite"))


if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as _folder:
            main(make_model(_folder))
