"""Asks tfsparse's delegate, in a process of its own, what it takes of a file.

The runtime's own code crashes on some damaged files, and it maps and packs the model: neither is to
happen to the program that asks.
"""

import dataclasses
import json
import os
import subprocess
import sys

import tfsparse

# Many times what preparing the largest of models takes.
TIMEOUT_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the delegate said, or why it could not be asked.

    Attributes:
        layers: Dictionary from (subgraph, operator) to a dictionary of what
            `tfsparse.explanation.Layer` has.
        isa: The instruction set whose kernels it uses, or `None`.
        summary: One sentence.
        problem: Why there is no answer, else empty.
    """

    layers: dict
    isa: str | None
    summary: str
    problem: str = ""


def ask(path, num_threads=1, **options):
    """Returns the delegate's `Answer` about a file.

    Args:
        path: A `.tflite` file.
        num_threads: Threads to plan for.
        **options: Further arguments of `tfsparse.explain`, such as `measure=True`.
    """
    request = json.dumps([os.fspath(path), num_threads, options])
    command = [sys.executable, "-m", "tfsparse.inspection.delegate", request]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return Answer({}, None, "", f"no answer within {TIMEOUT_SECONDS} seconds")
    if done.returncode < 0:
        return Answer({}, None, "", f"the runtime crashed on it (signal {-done.returncode})")
    if done.returncode:
        return Answer({}, None, "", last_line(done.stderr))
    found = json.loads(done.stdout.splitlines()[-1])
    if "problem" in found:
        return Answer({}, None, "", found["problem"])
    layers = {(layer["subgraph"], layer["index"]): layer for layer in found["layers"]}
    return Answer(layers, found["isa"], found["summary"])


def last_line(text):
    """The last line of a text that is not empty, such as the message of a traceback."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")


def _main(path, num_threads, options):
    try:
        explanation = tfsparse.explain(path, num_threads, **options)
    except (ImportError, RuntimeError, ValueError) as error:
        print(json.dumps({"problem": str(error)}))
        return
    layers = [dataclasses.asdict(layer) for layer in explanation.layers]
    found = {"isa": explanation.isa, "summary": explanation.summary(), "layers": layers}
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*json.loads(sys.argv[1]))
