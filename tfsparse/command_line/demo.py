"""Shows all of tfsparse in a few minutes, from model.fit to a faster interpreter.

Trains a small MobileNetV2 twice, dense and pruned, and converts both. Checks that the delegate
predicts the same classes as TFLite's default. Times dense and sparse models: the small network, and
MobileNetV2 1.0 at 224x224 pixels with 80 and 90 % zeros in its 1x1 convolutions.

Examples:

    tfsparse demo
    tfsparse demo --dataset fashion_mnist --epochs 5
    tfsparse demo --dataset my_pictures.zip --output_dir models

A folder or zip of images has one folder of images for each class, with or without train and test
folders above them.
"""

from tfsparse.zoo.demo import FLAGS, main

__all__ = ["FLAGS", "main"]
