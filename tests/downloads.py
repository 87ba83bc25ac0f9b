"""Files that tests take from package registries."""

import pytest

from tfsparse import downloads, networks


def mediapipe_model(name):
    """The path of one of `networks.PRETRAINED`; skips the test, saying why, if it cannot be had."""
    try:
        return networks.cached_file(name, downloads.cache_folder())
    except OSError as error:
        pytest.skip(str(error))


def mediapipe_files():
    """The paths of all `.tflite` files of mediapipe's wheel; skips the test as above."""
    wheel = mediapipe_model(networks.PRETRAINED[0]).parents[3]
    return sorted(wheel.glob("mediapipe/modules/*/*.tflite"))
