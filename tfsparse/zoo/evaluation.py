"""Scores and accuracy of classifiers in TFLite files."""

import numpy as np

import tfsparse


def scores(interpreter, pictures):
    """Returns the first output for each picture, run one by one as in an app.

    Args:
        interpreter: A TFLite interpreter for a batch of 1, its tensors allocated.
        pictures: Array [pictures, height, width, channels].

    Returns:
        Array [pictures, classes].
    """
    image = interpreter.get_input_details()[0]["index"]
    output = interpreter.get_output_details()[0]["index"]
    found = []
    for picture in pictures:
        interpreter.set_tensor(image, picture[None].astype(np.float32))
        interpreter.invoke()
        found.append(interpreter.get_tensor(output)[0])
    return np.array(found)


def accuracy(path, pictures, labels):
    """Returns the fraction of pictures that a file, run by tfsparse, classifies correctly."""
    interpreter = tfsparse.Interpreter(path)
    interpreter.allocate_tensors()
    return np.mean(scores(interpreter, pictures).argmax(axis=1) == labels)
