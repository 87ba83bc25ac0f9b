"""Discrimination-aware channel pruning."""
