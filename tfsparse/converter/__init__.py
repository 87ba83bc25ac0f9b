"""Keras models to sparse TFLite files."""
