"""Samplers for Optuna: they choose what a search tries next."""
