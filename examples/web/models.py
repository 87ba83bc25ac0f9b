"""Writes the models of the page: MobileNetV2 with random weights, most of them zero.

Latency depends on which weights are zero, not on what the others are. Google's pose detection was
trained sparse; it is downloaded.

    python examples/web/models.py
"""

import shutil
from pathlib import Path

from tfsparse.files import cache_folder
from tfsparse.zoo import catalogue

MODELS = Path(__file__).parent / "models"


def main():
    MODELS.mkdir(exist_ok=True)
    for sparsity in (0.8, 0.9):
        path = catalogue.cached_file("mobilenet_v2", cache_folder(), sparsity)
        shutil.copy(path, MODELS / f"MobileNetV2, {sparsity:.0%} zeros.tflite")
    path = catalogue.cached_file("pose_detection", cache_folder())
    shutil.copy(path, MODELS / "pose detection.tflite")


if __name__ == "__main__":
    main()
