"""What examples, benchmarks and the demo share: networks, data sets, downloads.

The library imports nothing of this package.
"""
