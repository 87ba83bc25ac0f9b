"""From model.fit to a faster interpreter: the whole of tfsparse in a few minutes.

Trains a small MobileNetV2 twice, dense and pruned; converts both; checks that the delegate predicts
what TFLite's default predicts; and times dense against sparse, for the small network and for
MobileNetV2 1.0 at 224x224 pixels with 80 and 90 % of the weights of its 1x1 convolutions zero.

Examples:

    tfsparse demo
    tfsparse demo --dataset fashion_mnist --epochs 5
    tfsparse demo --dataset my_pictures.zip --output_dir models

A folder or zip of pictures holds one folder of pictures a class, with or without train and test
folders above them.
"""

from tfsparse.zoo.demo import FLAGS, main

__all__ = ["FLAGS", "main"]
