"""Pruning of Keras models during training, and of TFLite files without training."""
