"""Damaged copies of a file, the same for the same seed."""

import os
import zlib

import numpy as np

from tfsparse import flatbuffer
from tfsparse.converter.densify import densify_model

# Values at which sizes, offsets and indices go wrong.
NUMBERS = (0, 1, 2, 0x7F, 0xFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def how_many(default):
    """How many mutations to test: `default`, or the environment's `TFSPARSE_MUTATIONS`."""
    return int(os.environ.get("TFSPARSE_MUTATIONS", default))


def mutations(data, count, seed=0):
    """Damages a file in `count` ways.

    Args:
        data: The bytes of the file.
        count: How many damaged copies to make.
        seed: Of the random damage.

    Yields:
        Pairs of a name, which says how to get this one again, and the damaged bytes.
    """
    kinds = (_flip_bits, _overwrite_number, _cut_short, _remove_part, _repeat_part, _swap_parts)
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        # More of the kinds that leave most of the file whole: they get further.
        kind = kinds[number % 2 if rng.random() < 0.5 else rng.integers(len(kinds))]
        yield (
            f"{kind.__name__[1:]}, seed {seed}, number {number}",
            bytes(kind(bytearray(data), rng)),
        )


def check_refused_or_written(data, count, folder, messages, *changes):
    """Asserts that damaged TFLite files are refused with a message, or whole files made of them.

    Args:
        data: The bytes of the undamaged file.
        count: How many damaged copies to make.
        folder: An empty folder. Of a refused file nothing is left in it.
        messages: How a message may begin, a tuple.
        *changes: Functions that read the first path and write the second. Of all their calls some
            must refuse and some must write.
    """
    source, out = folder / "source.tflite", folder / "out.tflite"
    outcomes = set()
    for name, damaged in mutations(data, count, seed=zlib.crc32(data)):
        source.write_bytes(damaged)
        for change in changes:
            message = _refusal(change, source, out)
            outcomes.add(message == "")
            if message:
                assert message.startswith(messages), f"{name}: {message}"
                assert os.listdir(folder) == [source.name], name
            else:
                assert _outline(out) == _outline(source), name
                out.unlink()
    assert outcomes == {True, False}


def _outline(path):
    """What of a model has to outlast a change of its weights, whether they are stored sparse."""
    model = flatbuffer.read(path)
    metadata = [entry.name for entry in model.metadata or []]
    densify_model(model)
    tensors = [
        [(tensor.name, flatbuffer.ints(tensor.shape)) for tensor in graph.tensors or ()]
        for graph in model.subgraphs
    ]
    ends = [
        (flatbuffer.ints(graph.inputs), flatbuffer.ints(graph.outputs)) for graph in model.subgraphs
    ]
    operators = [
        [flatbuffer.operator_name(model, operator) for operator in graph.operators or ()]
        for graph in model.subgraphs
    ]
    return tensors, ends, operators, metadata


def _refusal(change, source, out):
    try:
        change(source, out)
    except ValueError as error:
        return str(error)
    return ""


def _flip_bits(data, rng):
    for _ in range(int(rng.integers(1, 9))):
        data[rng.integers(len(data))] ^= 1 << rng.integers(8)
    return data


def _overwrite_number(data, rng):
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(data) // 4)) * 4
        data[at : at + 4] = int(rng.choice(NUMBERS)).to_bytes(4, "little")
    return data


def _cut_short(data, rng):
    return data[: rng.integers(len(data))]


def _part(data, rng):
    start = int(rng.integers(len(data)))
    return slice(start, start + int(rng.integers(1, 65)))


def _remove_part(data, rng):
    del data[_part(data, rng)]
    return data


def _repeat_part(data, rng):
    part = _part(data, rng)
    data[part.start : part.start] = data[part]
    return data


def _swap_parts(data, rng):
    one, other = _part(data, rng), _part(data, rng)
    data[one], data[other] = data[other], data[one]
    return data
