"""The sizes of a model's inputs, where the file leaves them open."""

import contextlib

BATCH, SIDE = 1, 224  # What is usual where a file leaves the batch, and height and width, open.


def allocate(interpreter, shapes=None):
    """Gives the inputs of an interpreter their sizes, and allocates its tensors.

    Sizes that the file leaves open and `shapes` does not give become 1 in the first dimension and
    224 in others.

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


def assumed(interpreter, shapes=None):
    """The shapes of inputs that were neither given nor are in the file: a dictionary by name.

    An open batch alone does not count: one example is what everybody expects.

    Args:
        interpreter: An interpreter whose tensors are allocated.
        shapes: What `allocate` was given.
    """
    details = interpreter.get_input_details()
    given = by_name(shapes, details)
    return {
        detail["name"]: _usual_shape(detail)
        for detail in details
        if detail["name"] not in given and -1 in detail["shape_signature"][1:]
    }


def hint(assumed_shapes):
    """A sentence that tells which shapes were assumed, and how to give others; empty for none."""
    if not assumed_shapes:
        return ""
    taken = ", ".join(f"{name} as {'x'.join(map(str, s))}" for name, s in assumed_shapes.items())
    return f"The file leaves sizes of inputs open. Taken: {taken}. --shape (shapes=) sets others."


@contextlib.contextmanager
def hinting(assumed_shapes):
    """Adds the hint to errors of the runtime: other sizes may do."""
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
    """The shapes that were given as a dictionary of tuples, checked.

    Args:
        shapes: What `allocate` was given.
        details: What the interpreter's `get_input_details` returned.

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
    for name, shape in shapes.items():
        if name not in signatures:
            names = ", ".join(signatures)
            raise ValueError(f"Expected names of inputs, of: {names}. Received: {name!r}.")
        _check_shape(name, shape, signatures[name])
    return {name: tuple(shape) for name, shape in shapes.items()}


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
