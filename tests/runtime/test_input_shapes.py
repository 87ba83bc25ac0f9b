"""Sizes of inputs: those of the file, those that are given, and those that are assumed."""

import numpy as np
import pytest

from tfsparse.runtime import input_shapes


class Fake:
    """An interpreter whose inputs have shapes in which -1 is an open size."""

    def __init__(self, error=None, **signatures):
        self.signatures = signatures
        self.shapes = {name: [abs(size) for size in shape] for name, shape in signatures.items()}
        self.error = error

    def get_input_details(self):
        return [
            {
                "index": index,
                "name": name,
                "shape": np.array(self.shapes[name], np.int32),
                "shape_signature": np.array(signature, np.int32),
            }
            for index, (name, signature) in enumerate(self.signatures.items())
        ]

    def resize_tensor_input(self, index, shape):
        self.shapes[list(self.signatures)[index]] = list(shape)

    def allocate_tensors(self):
        if self.error:
            raise RuntimeError(self.error)


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ((1, 8, 8, 3), (1, 8, 8, 3)),
        ((-1, 8, 8, 3), (1, 8, 8, 3)),
        ((-1, -1, -1, 3), (1, 224, 224, 3)),
        ((), ()),
    ],
)
def test_open_sizes_become_what_is_usual(signature, expected):
    fake = Fake(x=signature)
    input_shapes.allocate(fake)
    assert fake.shapes == {"x": list(expected)}
    told = expected if -1 in signature[1:] else None
    assert input_shapes.assumed(fake).get("x") == told


def test_shapes_are_given_by_name_or_as_the_only_one():
    fake = Fake(image=(-1, -1, -1, 3), ids=(-1, -1))
    input_shapes.allocate(fake, {"image": (2, 32, 48, 3)})
    assert fake.shapes == {"image": [2, 32, 48, 3], "ids": [1, 224]}
    assert input_shapes.assumed(fake, {"image": (2, 32, 48, 3)}) == {"ids": (1, 224)}
    fake = Fake(image=(-1, -1, -1, 3))
    input_shapes.allocate(fake, [2, 32, 48, 3])
    assert fake.shapes == {"image": [2, 32, 48, 3]}
    assert input_shapes.assumed(fake, [2, 32, 48, 3]) == {}


def test_inputs_have_the_names_of_the_keras_model_too():
    signatures = {"serving_default_image:0": (-1, -1, -1, 3), "serve_ids:0": (-1, -1), "x": (-1,)}
    fake = Fake(**signatures)
    given = {"image": (2, 32, 48, 3), "serve_ids:0": (1, 20), "x": (5,)}
    input_shapes.allocate(fake, given)
    assert list(fake.shapes.values()) == [[2, 32, 48, 3], [1, 20], [5]]
    assert input_shapes.assumed(fake, given) == {}
    assert input_shapes.by_name({"ids": (1, 7)}, fake.get_input_details()) == {
        "serve_ids:0": (1, 7)
    }
    fake = Fake(**{"ids:0": (-1, -1), "ids:1": (-1, -1)})
    with pytest.raises(ValueError, match=r"of: ids:0, ids:1. Received: 'ids'"):
        input_shapes.allocate(fake, {"ids": (1, 7)})


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"y": (1, 8)}, "Expected names of inputs, of: image, ids. Received: 'y'"),
        ({"image": (1, 8, 8, 4)}, r"Expected a shape \?x\?x\?x3 for input 'image'.*1x8x8x4"),
        ({"image": (1, 8, 8)}, "Received: 1x8x8"),
        ({"image": (1, 8, 0, 3)}, "Received: 1x8x0x3"),
        ((1, 8), "Expected the shapes of 2 inputs by name, of: image, ids"),
        ({"ids": "1x8"}, "Expected a shape such as .* Received: '1x8'"),
        ({"ids": (1, 8.5)}, "Expected a shape such as"),
        ({"ids": 8}, "Expected a shape such as"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, message):
    with pytest.raises(ValueError, match=message):
        input_shapes.allocate(Fake(image=(-1, -1, -1, 3), ids=(1, 8)), shapes)


def test_shapes_as_text():
    assert input_shapes.as_text((1, np.int64(8), 8, 3)) == "1x8x8x3"
    assert input_shapes.as_text({"image": [1, 8, 8, 3], "ids": (1, 20)}) == "ids=1x20,image=1x8x8x3"
    with pytest.raises(ValueError, match=r"Expected a shape such as .* Received: '1x8x8x3'"):
        input_shapes.as_text("1x8x8x3")


def test_errors_of_assumed_sizes_tell_how_to_give_others():
    with pytest.raises(RuntimeError, match=r"too large.*x as 1x224. --shape .*sets others"):
        input_shapes.allocate(Fake("too large\nNode 7", x=(-1, -1)))
    with pytest.raises(RuntimeError, match=r"too large$"):
        input_shapes.allocate(Fake("too large", x=(-1, 8)))
