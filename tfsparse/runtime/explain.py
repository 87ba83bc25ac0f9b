"""Explains which operators the delegate takes, and why it leaves the others."""

from collections.abc import Mapping
from typing import Any

from tfsparse.annotations import PathLike, Shapes
from tfsparse.runtime import input_shapes
from tfsparse.runtime.explanation import Explanation, Layer, Part
from tfsparse.runtime.interpreter import open_reporting
from tfsparse.runtime.random_inputs import set_random_inputs


def explain(
    path: PathLike,
    *,
    num_threads: int = 1,
    shapes: Shapes | None = None,
    measure: bool = False,
    runtime: str | None = None,
    runs: int = 20,
    options: Mapping[str, Any] | None = None,
) -> Explanation:
    """Explains how the delegate runs each operator of a model, or why it leaves it to TFLite.

    The file is opened as by `Interpreter`.

    Args:
        path: A `.tflite` file.
        num_threads: Threads to plan for.
        shapes: Shapes of inputs with open dimensions: a dictionary from names of inputs to
            shapes, or the shape of the only input. By default 1 for the batch and 224 for height
            and width.
        measure: Also run the model on random input and time every layer.
        runtime: As for `Interpreter`.
        runs: Timed runs with `measure`; the result is the fastest of each layer.
        options: A dictionary of options for `load_delegate`.

    Returns:
        An `Explanation`; `print` it, or read its `layers`.

    Raises:
        FileNotFoundError, ValueError: As `Interpreter`, or a shape does not fit.
        RuntimeError: TFLite cannot run the model.
    """
    (explanation,) = explain_in_turn(
        [path],
        num_threads=num_threads,
        shapes=shapes,
        measure=measure,
        runtime=runtime,
        runs=runs,
        options=options,
    )
    return explanation


def explain_in_turn(
    paths, *, num_threads=1, shapes=None, measure=False, runtime=None, runs=20, options=None
):
    """Explains several files with the same inputs, measured in turn; arguments as for `explain`.

    Returns:
        A list of an `Explanation` for each of `paths`.
    """
    if runs < 1:
        raise ValueError(f"Expected runs to be at least 1. Received: {runs}")
    opened = [_Opened(path, num_threads, shapes, measure, runtime, options) for path in paths]
    if measure:
        set_random_inputs([one.interpreter for one in opened])
        for i in range(runs):
            # The order alternates, so that a drift of the clock rate favours none.
            for one in opened if i % 2 else opened[::-1]:
                # In the first run of a turn the caches hold the data of another file.
                one.run(1 if len(opened) == 1 else 2)
    return [one.explanation() for one in opened]


class _Opened:
    """A file in an interpreter whose delegate reports its decisions."""

    def __init__(self, path, num_threads, shapes, measure, runtime, options):
        self.path = path
        self.measure = measure
        self.interpreter, self.delegate = open_reporting(
            path,
            num_threads=num_threads,
            runtime=runtime,
            options=input_shapes.with_shapes(options, shapes),
            time_steps=measure,
        )
        input_shapes.allocate(self.interpreter, shapes)
        self.assumed = input_shapes.assumed(self.interpreter, shapes)

    def run(self, times):
        with input_shapes.hinting(self.assumed):
            for _ in range(times):
                self.interpreter.invoke()

    def explanation(self):
        report = self.delegate.report()
        steps, unplanned = {}, set()
        for partition in report["partitions"]:
            for step in partition.get("steps", ()):
                steps.setdefault((partition["subgraph"], step["node"]), []).append(step)
            if not partition["planned"]:
                unplanned.update((partition["subgraph"], node) for node in partition["nodes"])
        keys = [(node["subgraph"], node["id"]) for node in report["nodes"]]
        return Explanation(
            path=str(self.path),
            isa=report["isa"],
            lacks_fp16=report["lacks_fp16"],
            tuned=report["tuned"],
            parts=tuple(_part(partition, self.measure) for partition in report["partitions"]),
            assumed_shapes=self.assumed,
            layers=tuple(
                _layer(node, steps.get(key, []), key not in unplanned, self.measure)
                for key, node in zip(keys, report["nodes"], strict=True)
            ),
        )


def _part(partition, measured):
    timed = [step for step in partition.get("steps", ()) if measured and "seconds" in step]
    layouts = [step["seconds"] for step in timed if step["node"] < 0]
    return Part(
        subgraph=partition["subgraph"],
        operators=tuple(partition["nodes"]),
        default_seconds=partition.get("default_seconds", 0),
        seconds=sum(step["seconds"] for step in timed) if timed else None,
        layout_seconds=sum(layouts) if timed else None,
    )


def _layer(node, steps, planned, measured):
    from tfsparse.flatbuffer import builtin_name

    shape = node.get("weights")
    # No step has a time in a branch or a loop that did not run.
    seconds = [step["seconds"] for step in steps if measured and "seconds" in step]
    return Layer(
        subgraph=node["subgraph"],
        index=node["id"],
        operator=node["type"] or builtin_name(node["code"]),
        name=node["name"],
        taken=node["taken"],
        reason=node["reason"],
        planned=planned,
        kernel=" + ".join(step["kernel"] for step in steps),
        weights=tuple(shape) if shape else None,
        sparsity=node.get("sparsity"),
        encoded=node.get("encoded", False),
        macs=sum(step["macs"] for step in steps) if steps else None,
        seconds=sum(seconds) if seconds else None,
    )
