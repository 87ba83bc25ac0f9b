"""Methods that prune single weights, blocks of them, and kernels."""
