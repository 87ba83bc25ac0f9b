"""The delegate's outputs on random graphs are those of TFLite's reference kernels.

`make fuzz N=5000` runs more of them, with new graphs every time.
"""

import base64
import collections
import gzip
import os

import hypothesis
from ai_edge_litert import interpreter as litert
from hypothesis import strategies as st

from tests.conftest import KEPT_GRAPHS as KEPT
from tests.delegate import random_graphs
from tests.delegate.graph_builder import describe
from tests.delegate.int8_graphs import quantize
from tests.delegate.int8_layers import check_layers, computed_values
from tests.delegate.runs import compare, operators, resolver, run, write
from tfsparse import flatbuffer
from tfsparse.runtime.delegate import native
from tfsparse.runtime.interpreter import open_reporting

# Set by `make fuzz`.
GRAPHS = int(os.environ.get("TFSPARSE_GRAPHS", 0))
# The fraction that must run in the delegate, so that the comparison is meaningful.
LEAST_TAKEN = dict.fromkeys(
    [
        *("BATCH_MATMUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"),
        "resized",
    ],
    0.9,
)
# Parts without weights are left.
LEAST_TAKEN_INT8 = dict.fromkeys(
    ["BATCH_MATMUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"], 0.9
) | dict.fromkeys(["ADD", "CONCATENATION", "MAX_POOL_2D", "MEAN", "MUL", "PAD", "RESHAPE"], 0.5)


def keep(model, path, how):
    """Writes down a graph before it runs, so that one that ends the process is known, too."""
    write(model, path)
    packed = base64.b64encode(gzip.compress(path.read_bytes())).decode()
    hypothesis.note(f"{describe(model)}\n{how}, kept in {path}")
    path.with_suffix(".txt").write_text(
        f"{describe(model)}\n{how}\n{path.name}.gz.base64: {packed}"
    )


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
            # Larger inputs can make a taken operator unsupported.
            if outputs is None:
                continue
            counts["resized", actual is not None] += bool(change)
            if actual is not None:
                compare(actual, outputs)
    count(delegate.report()["nodes"], counts)


def count(report, counts):
    for node in report:
        counts[node["type"] or flatbuffer.builtin_name(node["code"]), node["taken"]] += 1


def settings():
    return hypothesis.settings(
        max_examples=GRAPHS or 200,
        derandomize=not GRAPHS,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )


def check_counts(counts, least):
    for name in sorted({name for name, _ in counts}):
        print(f"{name:24} {counts[name, True]:6} taken, {counts[name, False]:6} left")
    for name, fraction in least.items():
        taken, left = counts[name, True], counts[name, False]
        assert taken >= fraction * (taken + left) > 0, f"{name}: {taken} taken, {left} left"


def longest_row(model, name):
    """The last dimension of the largest output of an operator, 0 where there is none."""
    (graph,) = model.subgraphs
    rows = [graph.tensors[o.outputs[0]].shape[-1] for o in operators(model, name)]
    return max(rows, default=0)


isas = st.sampled_from(native().isas())
growths = st.sampled_from([[], [], [1], [0, 1, 2], [2, 3]])


def test_random_graphs():
    counts = collections.Counter()
    KEPT.mkdir(parents=True, exist_ok=True)

    @settings()
    @hypothesis.given(random_graphs.graphs(), isas, growths)
    def check_one(model, isa, growth):
        path = KEPT / "graph.tflite"
        keep(model, path, f"isa {isa}, resized by {growth}")
        check(model, path, isa, growth, counts)

    check_one()
    check_counts(counts, LEAST_TAKEN)


def test_random_int8_graphs():
    """Also graphs that are partly float."""
    counts = collections.Counter()
    KEPT.mkdir(parents=True, exist_ok=True)

    @settings()
    @hypothesis.given(
        random_graphs.graphs(), st.integers(0, 2**16), isas, st.sampled_from([1, 2]), growths
    )
    def check_one(float_model, seed, isa, threads, growth):
        path = KEPT / "int8_graph.tflite"
        keep(float_model, path, f"in float32, before it is quantized with seed {seed}")
        model = quantize(float_model, computed_values(float_model, KEPT), seed)
        # TFLite's int8 SOFTMAX ends the process where the exponentials of a row, of which the
        # largest is 1, add up to 512. Inputs grow by 3 at most.
        hypothesis.assume(longest_row(model, "SOFTMAX") < 500)
        keep(model, path, f"isa {isa}, {threads} threads, resized by {growth}")
        if operators(model, "FULLY_CONNECTED"):
            growth = growth[:1]
        report = check_layers(model, KEPT, isa=isa, threads=threads, growth=growth)
        count(report, counts)

    check_one()
    check_counts(counts, LEAST_TAKEN_INT8)
