import gc
import subprocess
import types
from pathlib import Path

import hypothesis
import pytest

from tfsparse.converter import int8_conversion

# Times vary with the load of the machine, and say nothing about correctness.
hypothesis.settings.register_profile("tfsparse", deadline=None)
hypothesis.settings.load_profile("tfsparse")

# The files that take half a minute or more, longest first. They start first, else one process would
# be alone with one of them at the end.
LONGEST = (
    "tests/delegate/test_cpp.py",
    "tests/delegate/android/test_android.py",
    "tests/delegate/web/test_web.py",
    "tests/search/test_compress.py",
    "tests/examples/test_examples.py",
    "tests/delegate/test_random_graphs.py",
    "tests/delegate/test_bazel.py",
    "tests/benchmarks/test_pareto.py",
    "tests/delegate/standalone/test_damaged.py",
    "tests/benchmarks/test_samplers.py",
    "tests/delegate/test_outputs.py",
    "tests/prune/test_keras_versions.py",
    "tests/zoo/test_catalogue.py",
    "tests/zoo/test_demo.py",
    "tests/benchmarks/test_accuracy.py",
    "tests/search/test_workers.py",
    "tests/runtime/test_loading.py",
    "tests/examples/test_android.py",
    "tests/prune/test_mirrored.py",
    "tests/delegate/test_cmake.py",
)
assert all((Path(__file__).parents[1] / name).exists() for name in LONGEST)


def pytest_collection_modifyitems(items):
    place = {name: index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.split("::")[0], len(LONGEST)))


def pytest_collection_finish():
    # TensorFlow's converter collects garbage in each call. What TensorFlow and Keras hold once they
    # are imported, a third of a million objects, is looked through only here.
    gc.collect()
    gc.freeze()


# Where tests/delegate/test_random_graphs.py keeps the graph that it runs, and a text of it.
KEPT_GRAPHS = Path(__file__).parents[1] / "build" / "fuzz"


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_handlecrashitem(crashitem, report):
    """Shows the graphs of a process that a graph ended."""
    if "test_random_graphs" in crashitem:
        texts = [path.read_text() for path in sorted(KEPT_GRAPHS.glob("*.txt"))]
        report.longrepr = "\n\n".join([str(report.longrepr), *texts])


@pytest.fixture
def calibrate_here(monkeypatch):
    """Conversions to int8 calibrate in this process, which has imported TensorFlow already."""

    def run(command, **options):
        from tensorflow.lite.python.optimize import calibrator

        with monkeypatch.context() as restored:
            # The conversion replaces it.
            restored.setattr(
                calibrator.Calibrator, "_feed_tensors", calibrator.Calibrator._feed_tensors
            )
            int8_conversion._convert(*command[-2:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(int8_conversion, "subprocess", types.SimpleNamespace(run=run))
