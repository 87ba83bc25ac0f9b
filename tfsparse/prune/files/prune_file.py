"""`tfsparse.prune_file`: one-shot pruning of a TFLite file, without labels and training."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tfsparse import flatbuffer
from tfsparse.annotations import BlockSize, Examples, PathLike, Scope
from tfsparse.arguments import check_fraction
from tfsparse.calibration import examples
from tfsparse.converter.convert import checked_encoding
from tfsparse.converter.densify import densify_model
from tfsparse.converter.sparsify import sparsify
from tfsparse.converter.workarounds.paddings import split_paddings
from tfsparse.files import check_writable, write_atomically
from tfsparse.formatting import listed
from tfsparse.progress import track
from tfsparse.prune.blocks import checked_block_size
from tfsparse.prune.files import layer_inputs, prunable_layers, reconstruction
from tfsparse.prune.scope_grammar import check_scope, match_patterns
from tfsparse.runtime.runtimes import installed_runtime
from tfsparse.user_warnings import warn

MOST_NAMED = 5  # of the layers that an error lists


def prune_file(
    source: PathLike,
    destination: PathLike,
    *,
    representative_dataset: Examples,
    sparsity: float = 0.5,
    scope: Scope = "pointwise",
    block_size: BlockSize = 1,
    encoding: str | tuple[int, int] = "auto",
    runtime: str | None = None,
) -> str:
    """Prunes the weights of a TFLite file, and corrects the remaining weights.

    Layer by layer, the weights with the least effect on the layer's outputs become zero, assuming
    that the others of the row are adjusted. Then the remaining weights and the bias become the
    least squares solution for the outputs of the original network, on calibration data. The inputs
    of a layer are those of the pruned network. No labels and no training are needed.

    int8 weights keep the scales of their channels: the remaining ones are rounded one after the
    other, and those still to be rounded are corrected for the error. Ranges of activations stay.

    Layers in scope that cannot be pruned are skipped, and a `UserWarning` gives the reasons: their
    weights are uint8 or shared, or they are grouped convolutions. Depthwise and transposed
    convolutions, and subgraphs other than the first, are never pruned. In memory are the moments,
    and the activations between two layers if they take at most 128 MB in each network.

    From Frantar & Alistarh, "Optimal Brain Compression", 2022 (https://arxiv.org/abs/2208.11580).

    Args:
        source: PathLike of a `.tflite` file with float32, float16 or int8 weights, dense or sparse.
        destination: PathLike of the file to write; it may be `source`. It is written completely or
            not at all.
        representative_dataset: Calibration data: inputs scaled as in inference, some hundred or
            more. An array (examples, ...), another iterable of examples or of
            batches of any size, or a function that returns one; for several inputs each item is a
            list in their order or a dictionary by name. A dictionary of arrays is one batch of any
            size. Integers and other floats are converted to the dtype of an input if this does not
            change their values.
        sparsity: Float in [0, 1), the fraction of zeros in each layer. Weights that are already
            zero stay zero, and count.
        scope: Which layers: `"pointwise"`, the default, for 1x1 convolutions except the model's
            first convolution; `"3x3"` for 3x3 convolutions; `"all_but_first"` for all convolutions
            and fully connected layers except the first convolution; `"all"`; a function that takes
            a `tfsparse.prune.files.prunable_layers.Layer` and returns a bool; or a mapping of
            patterns (as in `fnmatch`) to sparsities. Patterns match the names of the layers'
            outputs, as `tfsparse.inspect` shows them; the first match applies.
        block_size: 1, 2 or 4 neighbouring output channels that share a pattern, or a pair of output
            and input channels: `(1, 4)` for int8 files. Larger blocks run faster and lose more
            accuracy.
        encoding: How pruned weights are stored, as for `tfsparse.convert`.
        runtime: The interpreter that computes the inputs of layers, as for `tfsparse.Interpreter`.

    Returns:
        `destination`, as a string.

    Raises:
        TypeError: An argument is of a wrong type.
        ValueError: The file is damaged, TFLite cannot run it, it has no layer that can be pruned,
            or an argument, or the calibration data, does not fit.
        OSError: A file cannot be read or written.

    Example:

    >>> images = np.load("some_images.npy")  # (200, 224, 224, 3)
    >>> tfsparse.prune_file("model.tflite", "pruned.tflite", representative_dataset=images)
    'pruned.tflite'
    """
    check_fraction("sparsity", sparsity)
    block_size = checked_block_size(block_size)
    check_scope(scope)
    installed_runtime(runtime)
    encoding = checked_encoding(encoding)
    destination = check_writable(destination)
    name, content = os.fspath(source), Path(source).read_bytes()
    # Two models, as one is edited.
    model, original = (flatbuffer.parse(content, name) for _ in range(2))
    try:
        densify_model(model)
        densify_model(original)
        layers = _in_scope(model, scope, sparsity)
        inputs = examples.inputs_of(original)
    except ValueError as error:
        raise ValueError(f"Cannot prune {name}: {error}") from error
    taken = examples.read(representative_dataset, inputs)
    try:
        networks = [layer_inputs.Activations(one, taken, runtime) for one in (model, original)]
        for layer, of_layer in track(layers, "Pruning"):
            _prune(model, layer, networks, of_layer, block_size)
        if encoding != "none" and sparsify(model, encoding):
            split_paddings(model)
        pieces = flatbuffer.pieces(model)
    except ValueError as error:
        raise ValueError(f"Cannot prune {name}: {error}") from error
    write_atomically(destination, *pieces)
    return destination


def _prune(model, layer, networks, sparsity, block_size):
    """Prunes one layer of `model`, in which those before it have been pruned."""
    position = flatbuffer.position(model.subgraphs[0], layer.operator)
    moments = layer_inputs.gather(layer, position, *networks)
    weights = layer.read(model)
    if not np.isfinite(weights).all():
        raise ValueError(f"the weights of {layer.name} are not all finite numbers")
    if not all(np.isfinite(sums).all() for sums in (moments.own, moments.cross)):
        raise ValueError(
            f"the representative_dataset gives {layer.name} inputs that are not all finite numbers"
        )
    pruned = reconstruction.prune(
        weights, moments, sparsity, block_size, layer.shape[-1], layer.steps
    )
    layer.write(model, pruned)


def _in_scope(model, scope, sparsity):
    """Pairs of a layer to prune and its sparsity; warns of layers that cannot be pruned."""
    found = prunable_layers.find(model)
    wanted = _sparsities([layer for layer, _ in found], scope, sparsity)
    chosen = [(layer, why) for layer, why in found if layer in wanted]
    left = [f"{layer.name} {why}" for layer, why in chosen if why]
    if len(left) == len(chosen):
        raise ValueError(
            f"it has no layer in scope={scope!r} that can be pruned: {_why(left, found, scope)}"
        )
    if left:
        warn(f"Left as they are: {'; '.join(left)}.")
    return [(layer, wanted[layer]) for layer, why in chosen if not why]


def _why(left, found, scope):
    """The reason why no layer can be pruned, and what to do."""
    if left:
        named = "; ".join(left[:MOST_NAMED])
        return f"{named}. Expected float32, float16 or int8 weights that one layer reads."
    others = [layer for layer, why in found if not why]
    if scope == "pointwise" and others:
        return (
            "none is a 1x1 convolution behind the first convolution. Use scope='all' to prune its "
            f"{len(others)} convolutions and fully connected layers."
        )
    return "none of its convolutions and fully connected layers has constant weights."


def _sparsities(layers, scope, sparsity):
    """The sparsity of each layer in scope, a dictionary."""
    if isinstance(scope, Mapping):
        names = {layer: [layer.name] for layer in layers}
        return match_patterns(
            scope, names, "matches no layer", f"Layers: {listed([n for (n,) in names.values()])}."
        )
    chosen = (
        prunable_layers.named(layers, scope) if isinstance(scope, str) else filter(scope, layers)
    )
    return dict.fromkeys(chosen, sparsity)
