"""Calibration data: examples of a model's inputs."""
