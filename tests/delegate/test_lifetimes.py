"""Many interpreters: concurrent, in sequence, and with changing sizes."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert

import tfsparse
from tests.delegate import networks
from tests.delegate.outputs import ALWAYS, invoke, random_inputs, reference_interpreter, resize


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    model = networks.randomize(networks.mobile_net(), 0.8)
    file = tmp_path_factory.mktemp("lifetimes") / "model.tflite"
    return tfsparse.convert(model, file, batch_size=None)


def make_interpreter(path, threads, delegate=None):
    """An interpreter with the given delegate, or with a new one."""
    if delegate is None:
        return tfsparse.Interpreter(path, num_threads=threads, options=ALWAYS)
    return litert.Interpreter(str(path), num_threads=threads, experimental_delegates=[delegate])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shared", [False, True], ids=["own delegates", "one delegate"])
def test_two_interpreters_in_two_threads(path, shared, threads):
    delegate = tfsparse.load_delegate(**ALWAYS) if shared else None
    start, failures = threading.Barrier(2), []

    def work(seed):
        try:
            reference = resize(reference_interpreter(path), (1 + seed, 24, 24, 3))
            inputs = random_inputs(reference, seed)
            (expected,) = invoke(reference, inputs).values()
            start.wait(timeout=60)
            for _ in range(5):
                interpreter = make_interpreter(path, threads, delegate)
                resize(interpreter, (1 + seed, 24, 24, 3))
                for _ in range(20):
                    (actual,) = invoke(interpreter, inputs).values()
                    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)
        except BaseException as failure:  # exceptions of a thread are lost otherwise
            failures.append(failure)
            start.abort()

    workers = [threading.Thread(target=work, args=(seed,)) for seed in (0, 1)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_resized_back_and_forth(path):
    reference, delegated = reference_interpreter(path), make_interpreter(path, 2)
    for shape in [(1, 24, 24, 3), (3, 24, 24, 3), (1, 40, 17, 3), (1, 24, 24, 3), (2, 9, 64, 3)]:
        inputs = random_inputs(resize(reference, shape))
        (expected,) = invoke(reference, inputs).values()
        (actual,) = invoke(resize(delegated, shape), inputs).values()
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python warns of forks
@pytest.mark.parametrize("threads", [1, 2])
def test_a_forked_child_runs_what_its_parent_ran(path, threads):
    interpreter = make_interpreter(path, threads)
    inputs = random_inputs(resize(interpreter, (1, 24, 24, 3)))
    (expected,) = invoke(interpreter, inputs).values()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(60)  # ends a child that hangs
            (actual,) = invoke(interpreter, inputs).values()
            np.testing.assert_array_equal(actual, expected)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


# The first hundred warm up the allocator and the runtime. Measured: the next thousand took 0.1 MB
# more; a hundred that were not freed took 34 MB.
GROWTH = """
import resource, sys, tfsparse

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

def use(count):
    for i in range(count):
        kwargs = {"runtime": "litert", "options": {"auto": False}}
        interpreter = tfsparse.Interpreter(sys.argv[1], num_threads=1 + i % 2, **kwargs)
        interpreter.allocate_tensors()
        interpreter.invoke()

use(100)
before = resident()
use(1000)
print(resident() - before)
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux's /proc")
def test_a_thousand_interpreters_need_no_more_memory_than_a_few(path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", GROWTH, str(path)],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert int(result.stdout) < 8 << 20
