"""Shapes of a model's inputs with open dimensions."""

import contextlib
import operator
import re

BATCH, SIDE = 1, 224  # Defaults for an open batch, and for an open height and width.
# What TensorFlow's converter adds to the name of an input: a signature's and an output's number.
_ADDED = re.compile(r"^(serving_default|serve)_|:\d+$")


def allocate(interpreter, shapes=None):
    """Sets the shapes of an interpreter's inputs, and allocates its tensors.

    Open dimensions that `shapes` does not give become 1 in the first dimension and 224 in others.

    Args:
        interpreter: A TFLite interpreter.
        shapes: A dictionary from names of inputs to shapes; of a model with one input also just
            the shape, a sequence of numbers; or `None`.

    Raises:
        RuntimeError: TFLite does not run the model with these sizes.
        ValueError: There is no such input, or its shape cannot be that.
    """
    details = interpreter.get_input_details()
    given = by_name(shapes, details)
    for detail in details:
        shape = given.get(detail["name"]) or _usual_shape(detail)
        if shape != tuple(detail["shape"].tolist()):
            interpreter.resize_tensor_input(detail["index"], shape)
    with hinting(assumed(interpreter, shapes)):
        interpreter.allocate_tensors()


def as_text(shapes):
    """The argument `shapes` of `allocate` as text: `1x8x8x3` or `name=1x8x8x3,other=1x20`.

    Raises:
        ValueError: It contains no shapes.
    """
    if isinstance(shapes, dict):
        return ",".join(f"{name}={as_text(shapes[name])}" for name in sorted(shapes))
    return "x".join(map(str, _sizes(shapes)))


def with_shapes(options, shapes):
    """A copy of a delegate's options with the shapes that `allocate` will get.

    The delegate then uses tuning results for these shapes; for `None`, those for the file's shapes.
    """
    return {**(options or {}), **({} if shapes is None else {"input_shapes": shapes})}


def unnamed_option(path, options):
    """A copy of a delegate's options, with `input_shapes` by the names of the file's tensors.

    That of a model's only input has no name. The text of this option is part of the key of the
    tuning cache, so that equal shapes need equal texts.

    Args:
        path: A `.tflite` file. Errors in it are left to the interpreter.
        options: A dictionary.
    """
    from tfsparse import flatbuffer

    options = dict(options)
    shapes = options.get("input_shapes")
    if isinstance(shapes, dict):
        with contextlib.suppress(OSError, ValueError):
            graph = flatbuffer.read(path).subgraphs[0]
            names = [
                flatbuffer.decode_name(graph.tensors[index].name)
                for index in flatbuffer.ints(graph.inputs)
            ]
            shapes = {_tensor_name(name, names): shape for name, shape in shapes.items()}
            is_only_one = len(names) == 1 and names == list(shapes)
            options["input_shapes"] = shapes[names[0]] if is_only_one else shapes
    return options


def assumed(interpreter, shapes=None):
    """The shapes of inputs that neither the caller nor the file gave: a dictionary by name.

    Inputs with an open batch only are not included: a batch of 1 is the usual default.

    Args:
        interpreter: An interpreter whose tensors are allocated.
        shapes: The argument of `allocate`.
    """
    details = interpreter.get_input_details()
    given = by_name(shapes, details)
    return {
        detail["name"]: _usual_shape(detail)
        for detail in details
        if detail["name"] not in given and -1 in detail["shape_signature"][1:]
    }


def hint(assumed_shapes):
    """A sentence with the assumed shapes, and how to give others; empty for none."""
    if not assumed_shapes:
        return ""
    taken = ", ".join(f"{name} as {'x'.join(map(str, s))}" for name, s in assumed_shapes.items())
    return f"The file leaves sizes of inputs open. Taken: {taken}. --shape (shapes=) sets others."


@contextlib.contextmanager
def hinting(assumed_shapes):
    """Adds the hint to errors of the runtime, as other shapes may work."""
    try:
        yield
    except RuntimeError as error:
        if not assumed_shapes:
            raise
        reason, *_ = str(error).splitlines()
        raise RuntimeError(f"{reason} {hint(assumed_shapes)}") from error


def _usual_shape(detail):
    sizes = detail["shape_signature"].tolist()
    return tuple((SIDE if i else BATCH) if size < 0 else size for i, size in enumerate(sizes))


def by_name(shapes, details):
    """The given shapes as a dictionary of tuples, checked.

    Args:
        shapes: The argument of `allocate`.
        details: The result of the interpreter's `get_input_details`.

    Raises:
        ValueError: There is no such input, or its shape cannot be that.
    """
    if shapes is None:
        return {}
    signatures = {detail["name"]: detail["shape_signature"].tolist() for detail in details}
    if not isinstance(shapes, dict):
        if len(signatures) != 1:
            raise ValueError(
                f"Expected the shapes of {len(signatures)} inputs by name, of: "
                f"{', '.join(signatures)}. Received: {shapes!r}."
            )
        shapes = {next(iter(signatures)): shapes}
    shapes = {_tensor_name(name, signatures): shape for name, shape in shapes.items()}
    for name, shape in shapes.items():
        if name not in signatures:
            names = ", ".join(signatures)
            raise ValueError(f"Expected names of inputs, of: {names}. Received: {name!r}.")
        _check_shape(name, _sizes(shape), signatures[name])
    return {name: _sizes(shape) for name, shape in shapes.items()}


def _tensor_name(name, names):
    """The input's tensor among `names` that is called so in the Keras model; or the name itself."""
    found = [each for each in names if _ADDED.sub("", each) == name]
    return found[0] if len(found) == 1 and name not in names else name


def _sizes(shape):
    try:
        return tuple(map(operator.index, shape))
    except TypeError:
        raise ValueError(
            "Expected a shape such as (1, 224, 224, 3), or a dictionary from names of inputs to "
            f"shapes. Received: {shape!r}."
        ) from None


def _check_shape(name, shape, signature):
    closed = all(
        size > 0 and expected in (-1, size)
        for size, expected in zip(shape, signature, strict=False)
    )
    if len(shape) != len(signature) or not closed:
        expected = "x".join("?" if size < 0 else str(size) for size in signature)
        received = "x".join(map(str, shape))
        raise ValueError(
            f"Expected a shape {expected} for input {name!r}, ? being any size above 0. "
            f"Received: {received}."
        )
