"""One-shot pruning of TFLite files, without labels and training."""
