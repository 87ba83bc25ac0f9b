"""Runs TFLite models with tfsparse's delegate, explains and times them."""
