"""Conversion of Keras models and TFLite files to sparse TFLite files."""
