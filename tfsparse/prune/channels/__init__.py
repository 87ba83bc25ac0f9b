"""Methods that cut whole channels."""
