"""Compares the latency of interpreters on a machine with other load.

The load changes during a measurement. So they run in turn in short bursts, and a speed-up is
computed within each round, in which the load is about the same for both.
"""

import contextlib
import dataclasses
import platform
import time
from pathlib import Path

import numpy as np

from tfsparse.capture import captured_output
from tfsparse.runtime import input_shapes
from tfsparse.runtime.delegate import load_delegate
from tfsparse.runtime.interpreter import Interpreter
from tfsparse.runtime.random_inputs import set_random_inputs
from tfsparse.runtime.runtimes import import_runtime

# pthreadpool's threads spin for some milliseconds after an inference before they sleep. A burst
# without a pause would share the cores with the spinning threads of the other interpreter.
SETTLE_SECONDS = 0.02
BURST_SECONDS = 0.03
WARM_UP_SECONDS = 0.3
MIN_ROUNDS = 8
SETTLED = 0.003  # a fraction of the latency: an improvement that does not count
REFERENCE, OPTIMISED = "BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
RESOLVERS = (REFERENCE, OPTIMISED)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Latencies of two interpreters, in milliseconds, and the speed-up of the second one.

    Attributes:
        baseline_median, baseline_min: over all timed inferences of the first interpreter.
        candidate_median, candidate_min: the same for the second one.
        speedup: median over the rounds of baseline / candidate.
        speedup_quartiles: lower and upper quartile of the same.
        rounds: number of rounds; each interpreter runs once in a round.
        waited: seconds for which threads were ready to run but had no processor, as a fraction of
            the time of the measurement; None where the system does not tell. Above 0 on a busy
            machine, or with more threads than processors.
    """

    baseline_median: float
    baseline_min: float
    candidate_median: float
    candidate_min: float
    speedup: float
    speedup_quartiles: tuple[float, float]
    rounds: int
    waited: float | None


def open_pair(baseline, candidate, *, num_threads=1, runtime="tf", options=None, shapes=None):
    """Opens a file with TFLite's default, and the same or another file with the delegate.

    Args:
        baseline: a .tflite file to run with XNNPACK, TFLite's default.
        candidate: a .tflite file with the same inputs, to run with tfsparse.
        num_threads: threads of each interpreter.
        runtime: "tf" or "litert", see `tfsparse.Interpreter`.
        options: for the delegate, see `tfsparse.load_delegate`.
        shapes: shapes of inputs with open dimensions, see `input_shapes.allocate`.

    Returns:
        Two interpreters with the same random inputs set.
    """
    # The delegate first, for its error messages about damaged files.
    common = {"num_threads": num_threads, "runtime": runtime, "shapes": shapes}
    second = open_one(candidate, True, options=options, **common)
    pair = (open_one(baseline, False, **common), second)
    set_random_inputs(pair)
    return pair


def open_one(path, delegate, *, num_threads=1, runtime="tf", options=None, shapes=None):
    """Opens a file with the delegate or without, and allocates its tensors; see `open_pair`."""
    with captured_output():
        if delegate:
            options = input_shapes.with_shapes(options, shapes)
            interpreter = Interpreter(
                path, num_threads=num_threads, runtime=runtime, options=options
            )
        else:
            interpreter = prepare(runtime)(model_path=str(path), num_threads=int(num_threads))
        input_shapes.allocate(interpreter, shapes)
    return interpreter


def open_plain(path, runtime="tf", shapes=None, resolvers=RESOLVERS):
    """Opens a file without any delegate, and allocates its tensors; see `open_pair`.

    Args:
        path: a .tflite file.
        runtime: "tf" or "litert".
        shapes: as for `open_pair`.
        resolvers: names of the runtime's `OpResolverType`. The first with all operators of the file
            is used: by default the reference kernels, or otherwise the optimised ones.

    Returns:
        An interpreter; or `None` if only the default delegate runs the file, as for some custom
        operators.
    """
    with captured_output():
        module = import_runtime(runtime)
        types = getattr(module, "OpResolverType", None) or module.experimental.OpResolverType
        for resolver in resolvers:
            try:
                interpreter = module.Interpreter(
                    model_path=str(path), experimental_op_resolver_type=types[resolver]
                )
                input_shapes.allocate(interpreter, shapes)
            except (RuntimeError, ValueError):
                continue
            if resolver != REFERENCE or not _may_end_the_process(interpreter):
                return interpreter
    return None


def _may_end_the_process(interpreter):
    """Whether there is a SOFTMAX over 512 or more numbers of 8 bits.

    Its reference kernel aborts where the exponentials of a row, of which the largest is 1, add up
    to 512.
    """
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    rows = (
        tensors[operator["inputs"][0]]
        for operator in interpreter._get_ops_details()
        if operator["op_name"] == "SOFTMAX"
    )
    return any(np.dtype(row["dtype"]).itemsize == 1 and row["shape"][-1] >= 512 for row in rows)


def prepare(runtime):
    """Imports a runtime and tfsparse's native part, and returns the runtime's `Interpreter`."""
    load_delegate(runtime=runtime)
    return import_runtime(runtime).Interpreter


def compare(baseline, candidate, seconds=6.0):
    """Times two interpreters in turn, for about `seconds` in all.

    Args:
        baseline, candidate: interpreters with tensors allocated and inputs set.
        seconds: time to spend; at least 8 rounds are run.

    Returns:
        A `Comparison`.
    """
    rounds, waited = _rounds((baseline, candidate), seconds)
    first, second = (1e3 * np.concatenate(bursts) for bursts in zip(*rounds, strict=True))
    ratios = [np.median(a) / np.median(b) for a, b in rounds]
    lower, median, upper = (float(q) for q in np.percentile(ratios, [25, 50, 75]))
    return Comparison(
        baseline_median=float(np.median(first)),
        baseline_min=float(first.min()),
        candidate_median=float(np.median(second)),
        candidate_min=float(second.min()),
        speedup=median,
        speedup_quartiles=(lower, upper),
        rounds=len(rounds),
        waited=waited,
    )


def medians(interpreters, seconds):
    """Times interpreters in turn, for about `seconds` in all.

    Args:
        interpreters: interpreters with tensors allocated and inputs set.
        seconds: time to spend; at least 8 rounds are run.

    Returns:
        A list of the median latency of each in milliseconds, and `waited` as in `Comparison`.
    """
    rounds, waited = _rounds(interpreters, seconds)
    bursts = zip(*rounds, strict=True)
    return [float(1e3 * np.median(np.concatenate(of_one))) for of_one in bursts], waited


def fastest(interpreters, seconds):
    """Times interpreters in turn, for up to `seconds` in all.

    Args:
        interpreters: interpreters with tensors allocated and inputs set.
        seconds: most time to spend; at least 8 rounds are run. Ends after a quarter of it or later,
            as soon as no interpreter became faster in the second half of the rounds.

    Returns:
        A list of the latency of the fastest inference of each in milliseconds, which other load on
        the machine changes least.
    """
    rounds, _ = _rounds(interpreters, seconds, until_settled=True)
    return [1e3 * min(map(min, of_one)) for of_one in zip(*rounds, strict=True)]


def processor_wait():
    """Returns how long the threads of this process have been ready to run without a processor.

    Returns:
        Seconds, summed over all threads, or None outside of Linux.
    """
    if not Path("/proc/self/schedstat").exists():
        return None
    nanoseconds = 0
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            nanoseconds += int((task / "schedstat").read_text().split()[1])
    return 1e-9 * nanoseconds


def cpu_name():
    """Returns the name of the processor, such as "AMD EPYC 9654 96-Core Processor"."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _rounds(interpreters, seconds, until_settled=False):
    """Times interpreters in turn.

    Args:
        interpreters: see `fastest`.
        seconds: time to spend.
        until_settled: whether to end as `fastest` does.

    Returns:
        A list of rounds, of each the seconds of a burst of every interpreter; and `waited` as in
        `Comparison`.
    """
    if not seconds > 0:
        raise ValueError(f"Expected a time above 0 seconds to measure for. Received: {seconds}.")
    counts = [max(3, round(BURST_SECONDS / _warm_up(one.invoke))) for one in interpreters]
    order = list(range(len(interpreters)))
    rounds, spent = [], 0.0
    start, waits = time.perf_counter(), processor_wait()
    while len(rounds) < MIN_ROUNDS or spent < seconds:
        if until_settled and spent >= seconds / 4 and _have_settled(rounds):
            break
        bursts = {i: _burst(interpreters[i].invoke, counts[i]) for i in order}
        rounds.append([bursts[i] for i in range(len(interpreters))])
        order.reverse()  # So that a drift of the clock rate favours none.
        spent = time.perf_counter() - start
    waited = None if waits is None else (processor_wait() - waits) / spent
    return rounds, waited


def _have_settled(rounds):
    """Whether no interpreter became faster in the second half of the rounds, of at least 8."""
    if len(rounds) < MIN_ROUNDS:
        return False
    shortest = np.array([[min(burst) for burst in one] for one in rounds])
    half, whole = shortest[: len(rounds) // 2].min(axis=0), shortest.min(axis=0)
    return bool((half <= (1 + SETTLED) * whole).all())


def _warm_up(invoke):
    """Runs until caches and clock are warm; returns the seconds of the fastest inference."""
    fastest = float("inf")
    end = time.perf_counter() + WARM_UP_SECONDS
    while time.perf_counter() < end:
        fastest = min(fastest, _seconds(invoke))
    return fastest


def _burst(invoke, count):
    time.sleep(SETTLE_SECONDS)
    invoke()  # Loads the weights into the cache, which holds those of the other interpreter.
    return [_seconds(invoke) for _ in range(count)]


def _seconds(invoke):
    start = time.perf_counter()
    invoke()
    return time.perf_counter() - start
