"""Pruning methods, one a file, and what they share: masks, scopes, magnitudes."""
