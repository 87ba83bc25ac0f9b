"""Inspection of TFLite files: tensors, operators, zeros, and support in each runtime."""
