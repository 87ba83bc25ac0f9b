"""Low-rank factors in place of the kernels of layers."""
