"""A model from whose file others with less to compute are made, such as files with zeros."""

import contextlib
import copy
import functools
import os
import tempfile
from typing import ClassVar

import tfsparse
from tfsparse import flatbuffer
from tfsparse.converter.sparsify import sparsify
from tfsparse.prune.scope import select
from tfsparse.search.file_layers import convert_and_match, with_shared_values, with_zeros


class Variants:
    """Files of a model in which some of its layers, or groups of channels, are pruned.

    Attributes:
        layers: List of what is pruned, each with a name and a size.
    """

    @functools.cached_property
    def dense(self):
        """The bytes of the file in which nothing is pruned."""
        return self.variant([0.0] * len(self.layers))

    @functools.cached_property
    def macs(self):
        """The MACs of the operators of this file by their names, a dictionary."""
        with written([self.dense]) as paths:
            return {one.name: one.macs or 0 for one in tfsparse.inspect(paths[0]).products}


class Measured(Variants):
    """A model as a dense file, with its layers found in it, from which variants are made.

    Args:
        model: Built Keras model.
        scope: Which layers, as for `GradualPruning`.
        weights: `"float32"` or `"int8"`.
        representative_dataset: As for `tfsparse.convert`.

    Attributes:
        layers: List of `FileLayer`.
        weights: Their type in the file, `"float32"` or `"int8"`.
        itemsize: Bytes of a weight in the file.
    """

    pruned = "weights"
    # Every layer must have a time, also where the default would run it.
    delegate_options: ClassVar = {"auto": False}

    def __init__(self, model, scope="all", weights="float32", representative_dataset=None):
        targets = select(model, scope)
        options = {"weights": weights, "representative_dataset": representative_dataset}
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "dense.tflite")
            self.layers = convert_and_match(model, targets, path, **options)
            with open(path, "rb") as file:
                self._content = file.read()
        self.weights, self.itemsize = weights, 1 if weights == "int8" else 4
        self._bits = None
        if not self.layers:
            raise ValueError(
                f"Expected layers whose kernels are in the file that {model.name!r} converts to. "
                f"Received scope={scope!r}, whose layers TensorFlow computes in another way: "
                f"{', '.join(target.name for target in targets)}."
            )

    def sharing(self, bits):
        """Returns the same, but that the weights of each layer share at most 2^`bits` values."""
        other = copy.copy(self)
        vars(other).pop("dense", None)
        other._bits = bits
        return other

    def parsed(self, sparsities, block_size=(1, 1)):
        """Returns the `ModelT` of a dense file, with arguments as of `variant`."""
        model = flatbuffer.parse(self._content)
        with_zeros(model, self.layers, sparsities, block_size)
        if self._bits is not None:
            with_shared_values(model, self.layers, self._bits)
        return model

    def variant(self, sparsities, block_size=(1, 1)):
        """Returns the bytes of the file with the smallest weights of each layer zero.

        Args:
            sparsities: The fraction of zeros of each of `layers`.
            block_size: Pair of ints, output and input channels that are zero together.
        """
        model = self.parsed(sparsities, block_size)
        sparsify(model)
        return flatbuffer.serialize(model)


def nonzero_macs(content):
    """Returns the MACs of a file with weights that are not zero, an int."""
    with written([content]) as paths:
        return tfsparse.inspect(paths[0]).totals.nonzero_macs


@contextlib.contextmanager
def written(contents):
    """Yields the paths of temporary files with some contents."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, content in enumerate(contents):
            paths.append(os.path.join(folder, f"{number}.tflite"))
            with open(paths[-1], "wb") as file:
                file.write(content)
        yield paths
