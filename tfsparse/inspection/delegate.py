"""Runs tfsparse's delegate on a file in a process of its own, and returns its report.

The runtime crashes on some damaged files, and it maps and packs the model. Neither must happen in
the calling process.
"""

import dataclasses
import json
import operator
import os
import subprocess
import sys

from tfsparse import processes
from tfsparse.formatting import last_line
from tfsparse.runtime import timing
from tfsparse.runtime.explain import explain_in_turn
from tfsparse.runtime.random_inputs import set_random_inputs

# Many times the time to prepare the largest models.
TIMEOUT_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Answer:
    """The delegate's report, or the reason why there is none.

    Attributes:
        layers: Dictionary from (subgraph, operator) to a dictionary of the attributes of
            `tfsparse.runtime.explanation.Layer`.
        isa: The instruction set of its kernels, or `None`.
        summary: A sentence or two.
        assumed_shapes: Shapes of inputs that neither the file nor the caller gave, by name.
        sizes: Shapes of the main subgraph's tensors after a run, by their indices, if asked for.
        problem: The reason why there is no report, else empty.
    """

    layers: dict
    isa: str | None
    summary: str
    assumed_shapes: dict = dataclasses.field(default_factory=dict)
    sizes: dict = dataclasses.field(default_factory=dict)
    problem: str = ""


def ask(path, *, num_threads=1, sizes=False, **options):
    """Returns the delegate's `Answer` about a file.

    Args:
        path: A `.tflite` file.
        num_threads: Threads to plan for.
        sizes: Whether to run the file without the delegate, to find the shapes of its tensors.
        **options: Further arguments of `tfsparse.explain`, such as `measure=True`.
    """
    (answer,) = ask_in_turn([path], num_threads=num_threads, sizes=sizes, **options)
    return answer


def ask_in_turn(paths, *, num_threads=1, sizes=False, **options):
    """A list of `Answer`s about files with the same inputs, which are measured in turn."""
    request = [[os.fspath(path) for path in paths], num_threads, sizes, options]
    request = json.dumps(request, default=operator.index)  # Numbers may be of numpy.
    command = processes.command("tfsparse.inspection.delegate", request)

    def none(problem):
        return [Answer({}, None, "", problem=problem) for _ in paths]

    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return none(f"no answer within {TIMEOUT_SECONDS} seconds")
    if done.returncode < 0:
        return none(f"the runtime crashed on it (signal {-done.returncode})")
    if done.returncode:
        return none(last_line(done.stderr))
    found = json.loads(done.stdout.splitlines()[-1])
    if "problem" in found:
        return none(found["problem"])
    return [_answer(one) for one in found["explanations"]]


def _answer(found):
    return Answer(
        layers={(layer["subgraph"], layer["index"]): layer for layer in found["layers"]},
        isa=found["isa"],
        summary=found["summary"],
        assumed_shapes={name: tuple(shape) for name, shape in found["assumed_shapes"].items()},
        sizes={int(index): tuple(shape) for index, shape in found["sizes"].items()},
    )


def _main(paths, num_threads, sizes, options):
    try:
        explanations = explain_in_turn(paths, num_threads=num_threads, **options)
    except (ImportError, RuntimeError, ValueError) as error:
        # The lines after the first of TFLite's errors are advice for authors of kernels.
        print(json.dumps({"problem": str(error).partition("\n")[0]}))
        return
    found = [
        dataclasses.asdict(explanation)
        | {"summary": explanation.summary()}
        | {"sizes": _sizes(path, options.get("shapes")) if sizes else {}}
        for path, explanation in zip(paths, explanations, strict=True)
    ]
    print(json.dumps({"explanations": found}))


def _sizes(path, shapes):
    interpreter = timing.open_plain(path, None, shapes, [timing.OPTIMISED])
    if interpreter is None:
        return {}
    set_random_inputs([interpreter])
    try:
        interpreter.invoke()
    except RuntimeError:
        return {}
    details = interpreter.get_tensor_details()
    return {detail["index"]: detail["shape"].tolist() for detail in details}


if __name__ == "__main__":
    _main(*json.loads(sys.argv[1]))
