"""Pruning of Keras models while they train, and of files without training."""
