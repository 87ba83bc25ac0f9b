"""Training of networks that are to run in int8."""
