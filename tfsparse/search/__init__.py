"""Search for the best compressed model within a target."""
