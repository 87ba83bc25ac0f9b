"""Gradients in fewer bytes, and back-propagation with fewer gradients."""
