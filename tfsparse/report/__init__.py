"""A web page about one TFLite file, or two side by side."""
