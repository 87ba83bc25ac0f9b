"""The npm package of `make web` has the delegate's outputs, in Node and in a browser.

In one file, so that one process builds the package for all tests.
"""

import base64
import functools
import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

import tfsparse
from delegate import sources
from delegate.packaging import web
from tests.benchmarks.scripts import loaded
from tests.delegate import networks
from tests.delegate.outputs import ALWAYS, check_close, explain, invoke, random_inputs
from tests.mutations import how_many, mutations

CHECK, LIFETIMES = (Path(__file__).with_name(name) for name in ("check.js", "lifetimes.js"))
NODE = """
import {{ load }} from {package!r};
import {{ {function} }} from {module!r};
import {{ readFileSync }} from "node:fs";
console.log(JSON.stringify(await {function}(load, {given})));
"""
CORES = len(os.sched_getaffinity(0))
TWO = min(2, CORES)  # threads that there can be, of two


@functools.cache
def built():
    return web.build()


@pytest.fixture(scope="module")
def package():
    try:
        return built()
    except OSError as error:
        pytest.skip(str(error))


def in_node(package, cases):
    given = json.dumps(cases).encode()
    return call_in_node(package, CHECK, given, "JSON.parse(readFileSync(0))")["results"]


def call_in_node(package, module, standard_input, given):
    """What the function that a module is named by returns, called with `load` and an expression."""
    if shutil.which("node") is None:
        pytest.skip("no Node.js: apt-get install nodejs")
    names = {"package": (package / "index.js").as_uri(), "module": module.as_uri()}
    script = NODE.format(**names, function=module.stem, given=given)
    command = ["node", "--expose-gc", "--input-type=module", "--eval", script]
    result = subprocess.run(command, input=standard_input, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def in_browser(package, cases, isolated=True):
    with loaded("browser") as browser:
        try:
            browser.executable()
        except OSError as error:
            pytest.skip(str(error))
        files = {"/check.js": CHECK, "/tfsparse/": package, "/job.json": json.dumps(cases).encode()}
        return browser.run("/check.js", files, timeout=240, isolated=isolated)["results"]


@pytest.fixture(scope="module", params=[in_node, in_browser], ids=["node", "browser"])
def run(request, package):
    return functools.partial(request.param, package)


def encoded(data):
    return base64.b64encode(data).decode()


def case(data, inputs, **options):
    """What check.js runs: the bytes of a file and arrays by name."""
    arrays = {name: encoded(np.ascontiguousarray(array)) for name, array in inputs.items()}
    return {"model": encoded(data), "inputs": arrays, "options": options}


def outputs(result):
    """Arrays by name."""
    assert "error" not in result, result["message"]
    return {
        one["name"]: np.frombuffer(base64.b64decode(one["numbers"]), np.dtype(one["type"])).reshape(
            one["shape"]
        )
        for one in result["outputs"]
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """{name: path} of a sparse MobileNetV2, one of float16, a dense and an int8 one."""
    folder = tmp_path_factory.mktemp("web")
    options = {"weights": None, "classes": 10, "alpha": 0.35, "classifier_activation": None}
    model = networks.randomize(keras.applications.MobileNetV2((64, 64, 3), **options), 0.8)
    small = networks.randomize(networks.mobile_net(size=32), 0.8, block=4)
    images = np.random.default_rng(0).random((4, 1, 32, 32, 3), np.float32)
    options = {
        "sparse": (model, {}),
        "dense": (model, {"encoding": "none"}),
        "float16": (model, {"weights": "float16"}),
        "int8": (small, {"weights": "int8", "representative_dataset": lambda: images}),
        "refused": (networks.randomize(networks.around_unknown_operators(), 0.8), {}),
    }
    return {
        name: Path(tfsparse.convert(network, folder / f"{name}.tflite", **arguments))
        for name, (network, arguments) in options.items()
    }


def test_outputs(run, files):
    names = ["sparse", "dense", "float16", "int8"]
    given, expected, cases = {}, {}, []
    for name in names:
        interpreter = tfsparse.Interpreter(files[name], num_threads=1, options=ALWAYS)
        interpreter.allocate_tensors()
        given[name] = random_inputs(interpreter)
        expected[name] = invoke(interpreter, given[name])
        cases.append(case(files[name].read_bytes(), given[name]))
    for name, result in zip(names, run(cases), strict=True):
        assert result["repeats"], name
        check_close(outputs(result), expected[name])
        assert result["isa"] in ("wasm", "wasm relaxed")
        kernels = [operator["kernel"] for operator in result["operators"]]
        assert sum("sparse" in kernel for kernel in kernels) >= 7, name
        # Operators that are folded into others have no time.
        assert sum(operator.get("milliseconds", 0) for operator in result["operators"]) > 0


def test_explains_as_python_does(run, files):
    (result,) = run([case(files["sparse"].read_bytes(), given_zeros(files["sparse"]))])
    layers = explain(files["sparse"]).layers
    for layer, operator in zip(layers, result["operators"], strict=True):
        assert (operator["operator"], operator["name"]) == (layer.operator, layer.name)
        assert operator.get("sparsity") == pytest.approx(layer.sparsity)
    assert re.search(r"CONV_2D +80 % +[\d.]+ ms +sparse", result["text"])


def given_zeros(path):
    details = tfsparse.Interpreter(path).get_input_details()
    return {detail["name"]: np.zeros(detail["shape"], detail["dtype"]) for detail in details}


def test_refuses_with_the_operator_and_the_reason(run, files):
    (result,) = run([case(files["refused"].read_bytes(), {})])
    assert result["error"] == "UnsupportedModelError"
    assert re.match("cannot run (SIN|COS) '.*': operator is not supported", result["message"])
    left = {operator["operator"] for operator in result["operators"] if not operator["taken"]}
    assert left == {"SIN", "COS"}


def test_refuses_arrays_that_do_not_fit(run, files):
    data, inputs = files["sparse"].read_bytes(), given_zeros(files["sparse"])
    (name,) = inputs
    (result,) = run([case(data, {name: np.zeros(5, np.float32)})])
    assert result["error"] == "TypeError"
    assert result["message"] == (
        f"expected a Float32Array of 12288 numbers, [1,64,64,3], for input {name}, "
        "received Float32Array of 5"
    )


def test_refuses_shapes_that_do_not_fit(run, files):
    data, inputs = files["sparse"].read_bytes(), given_zeros(files["sparse"])
    unknown, short = run([case(data, inputs, shapes=one) for one in ({"x": [1]}, [1, 64])])
    assert unknown["error"] == "TypeError"
    assert re.match("expected shapes of the inputs .*, received one of x", unknown["message"])
    assert short["error"] == "UnsupportedModelError"
    assert re.match(r"expected a shape of 4 dimensions .* received \[1, 64\]", short["message"])


def test_runs_other_shapes(run, files):
    data = files["sparse"].read_bytes()
    (name,) = given_zeros(files["sparse"])
    images = np.random.default_rng(0).random((2, 64, 64, 3), np.float32)
    both, first = run(
        [case(data, {name: images}, shapes=[2, 64, 64, 3]), case(data, {name: images[:1]})]
    )
    (together,), (alone,) = outputs(both).values(), outputs(first).values()
    np.testing.assert_allclose(together[:1], alone, rtol=1e-4, atol=1e-6)
    assert not np.array_equal(together[0], together[1])


@pytest.mark.parametrize(("num_threads", "count"), [(1, 40), (2, 12)])
def test_refuses_or_runs_damaged_files(run, files, num_threads, count):
    data = files["sparse"].read_bytes()
    inputs = given_zeros(files["sparse"])
    cases = [
        case(damaged, inputs, numThreads=num_threads)
        for _, damaged in mutations(data, how_many(count))
    ]
    results = run(cases)
    refused = [result["error"] for result in results if "error" in result]
    assert set(refused) <= {"UnsupportedModelError", "RangeError", "TypeError"}
    assert "UnsupportedModelError" in refused
    assert len(refused) < len(results)


def test_threads_change_no_bit(run, files):
    names = ["sparse", "dense", "float16", "int8"]
    cases = []
    for name in names:
        interpreter = tfsparse.Interpreter(files[name])
        interpreter.allocate_tensors()
        given = random_inputs(interpreter)
        cases += [case(files[name].read_bytes(), given, numThreads=number) for number in (1, 2)]
    results = run(cases)
    for name, one, two in zip(names, results[::2], results[1::2], strict=True):
        assert one["outputs"] == two["outputs"], name
        assert two["repeats"], name
        assert (one["numThreads"], two["numThreads"]) == (1, TWO)


def test_has_one_thread_where_there_cannot_be_more(package, files, tmp_path):
    one = case(files["sparse"].read_bytes(), given_zeros(files["sparse"]), numThreads=2)
    (result,) = in_browser(package, [one], isolated=False)
    assert (result["numThreads"], result["repeats"]) == (1, True)
    incomplete = shutil.copytree(package, tmp_path / "package")
    (incomplete / "worker.js").unlink()
    (result,) = in_node(incomplete, [one])
    assert (result["numThreads"], result["repeats"]) == (1, True)


def test_has_no_more_threads_than_cores(package, files):
    data, inputs = files["sparse"].read_bytes(), given_zeros(files["sparse"])
    (result,) = in_node(package, [case(data, inputs, numThreads=CORES + 1)])
    assert result["numThreads"] == CORES


def test_refuses_wrong_numbers_of_threads(run, files):
    data, inputs = files["sparse"].read_bytes(), given_zeros(files["sparse"])
    cases = [case(data, inputs, numThreads=wrong) for wrong in (0, 1.5, "2", None)]
    assert [(result["error"], result["message"]) for result in run(cases)] == [
        ("TypeError", f"expected a positive integer as numThreads, received {wrong}")
        for wrong in ("number 0", "number 1.5", "string 2", "object null")
    ]


def test_workers_end_with_their_model(package, files):
    data = files["sparse"].read_bytes()
    closed = "the model is closed: load it again"
    assert call_in_node(package, LIFETIMES, data, "readFileSync(0)") == {
        "opened": TWO - 1,
        "closed": 0,
        "errors": [closed, closed],
        "refused": 0,
        "forgotten": 0,
    }


def test_is_small(package):
    # With the loader, what a page has to fetch.
    for name in web.MODULES:
        assert len(gzip.compress((package / name).read_bytes(), 9)) < 200_000


def test_package_is_complete(package):
    about = json.loads((package / "package.json").read_text())
    assert {path.name for path in package.iterdir()} == {*about["files"], *web.PACKAGE}
    assert f'version = "{about["version"]}"' in (sources.ROOT / "pyproject.toml").read_text()


def test_needs_no_system_but_a_clock(package):
    # Those that system.js has. What else the library may call is answered by "there is none".
    for name in web.MODULES:
        imported = re.findall(rb"wasi_snapshot_preview1.(\w+)", (package / name).read_bytes())
        assert {call.decode() for call in imported} <= {
            *("clock_time_get", "environ_get", "environ_sizes_get", "fd_close", "fd_seek"),
            *("fd_write", "proc_exit", "fd_fdstat_get", "fd_prestat_get", "fd_prestat_dir_name"),
        }
