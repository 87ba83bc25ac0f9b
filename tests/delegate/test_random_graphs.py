"""The delegate's outputs on random graphs are those of TFLite's reference kernels.

`make fuzz N=5000` runs more of them, with new graphs every time.
"""

import collections
import os
from pathlib import Path

import hypothesis
import numpy as np
from ai_edge_litert import interpreter as litert
from hypothesis import strategies as st

from tests.delegate import random_graphs
from tests.delegate.graph_builder import describe
from tests.delegate.outputs import TOLERANCE, invoke, random_inputs
from tfsparse import flatbuffer
from tfsparse.runtime.delegate import native
from tfsparse.runtime.interpreter import open_reporting

# Set by `make fuzz`.
GRAPHS = int(os.environ.get("TFSPARSE_GRAPHS", 0))
KEPT = Path(__file__).resolve().parents[2] / "build" / "fuzz"
# The fraction that must run in the delegate, so that the comparison is meaningful.
LEAST_TAKEN = dict.fromkeys(
    ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "resized"], 0.9
)


def operators(model, name):
    return [o for o in model.subgraphs[0].operators if flatbuffer.operator_name(model, o) == name]


def resolver(model):
    """The reference kernels, or TFLite's optimised ones for operators without reference."""
    types = litert.OpResolverType
    if not operators(model, "ELU"):
        return types.BUILTIN_REF
    # There, TFLite crashes on a depthwise convolution without a bias.
    hypothesis.assume(all(len(o.inputs) == 3 for o in operators(model, "DEPTHWISE_CONV_2D")))
    return types.BUILTIN_WITHOUT_DEFAULT_DELEGATES


def run(interpreter, model, growth):
    """Outputs by name, for inputs larger by `growth`; `None` if the runtime refuses."""
    graph = model.subgraphs[0]
    for index in graph.inputs:
        shape = graph.tensors[index].shape
        grown = [size + more for size, more in zip(shape, growth, strict=False)]
        interpreter.resize_tensor_input(index, grown + shape[len(grown) :])
    try:
        interpreter.allocate_tensors()
        return invoke(interpreter, random_inputs(interpreter))
    except RuntimeError:
        return None


def compare(actual, expected):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert np.isfinite(value).all()
        # The graphs are made so that values are near 1.
        tolerance = TOLERANCE * np.abs(value).max(initial=1.0)
        assert actual[name].shape == value.shape
        np.testing.assert_allclose(actual[name], value, rtol=0, atol=tolerance, err_msg=name)


def check(model, path, isa, growth, counts):
    """Compares on 1 and 2 threads, resized and back. Counts nodes taken and left, and refusals."""
    if operators(model, "FULLY_CONNECTED"):
        growth = growth[:1]  # TFLite accepts an image of another size and crops it
    changes = ([], growth, []) if growth else ([],)
    kernels = resolver(model)
    # Without preserved tensors, LiteRT 2.3 runs RESHAPE and then SOFTMAX in the memory of a tensor
    # that another operator still reads.
    reference = litert.Interpreter(
        str(path), experimental_op_resolver_type=kernels, experimental_preserve_all_tensors=True
    )
    expected = [run(reference, model, change) for change in changes]
    taken = (change or outputs for change, outputs in zip(changes, expected, strict=True))
    assert all(taken), "a graph that TFLite itself refuses"
    for threads in (1, 2):
        # The same kernels run the remaining nodes, so only the delegate can differ.
        delegated, delegate = open_reporting(
            path,
            num_threads=threads,
            runtime="litert",
            options={"isa": isa, "auto": False},
            experimental_op_resolver_type=kernels,
        )
        for change, outputs in zip(changes, expected, strict=True):
            actual = run(delegated, model, change)
            if not change:
                assert actual is not None, "a graph that the delegate refuses"
            # Larger inputs can make a taken operator unsupported, such as a convolution grouped.
            if outputs is None:
                continue
            counts["resized", actual is not None] += bool(change)
            if actual is not None:
                compare(actual, outputs)
    for node in delegate.report()["nodes"]:
        counts[node["type"] or flatbuffer.builtin_name(node["code"]), node["taken"]] += 1


def test_random_graphs():
    counts = collections.Counter()
    KEPT.mkdir(parents=True, exist_ok=True)

    @hypothesis.settings(
        max_examples=GRAPHS or 200,
        derandomize=not GRAPHS,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        random_graphs.graphs(),
        st.sampled_from(native().isas()),
        st.sampled_from([[], [], [1], [0, 1, 2], [2, 3]]),
    )
    def check_one(model, isa, growth):
        hypothesis.note(f"{describe(model)}\nisa {isa}, resized by {growth}")
        # Written before the run, so that a graph that crashes the process is kept too.
        path = KEPT / "graph.tflite"
        path.write_bytes(flatbuffer.serialize(model))
        hypothesis.note(f"kept in {path}")
        check(model, path, isa, growth, counts)

    check_one()
    names = sorted({name for name, _ in counts})
    for name in names:
        print(f"{name:24} {counts[name, True]:6} taken, {counts[name, False]:6} left")
    for name, least in LEAST_TAKEN.items():
        taken, left = counts[name, True], counts[name, False]
        assert taken >= least * (taken + left) > 0, f"{name}: {taken} taken, {left} left"
