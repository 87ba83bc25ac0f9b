"""What a user of the command meets: help, exit codes, errors of one line, JSON."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfsparse
from tests.converter.single_op import pruned, single_op
from tests.delegate import networks
from tfsparse import flatbuffer
from tfsparse.command_line import main as command
from tfsparse.inspection import delegate
from tfsparse.runtime import benchmark


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer.serialize(single_op(pruned((16, 1, 1, 64), 0.8))))
    return str(path)


@pytest.fixture
def run(capsys):
    """A function that runs the command in this process: (exit code, stdout, stderr)."""

    def run(*arguments):
        code = command.main([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("program", [["-m", "tfsparse"], ["-m", "tfsparse.command_line.main"]])
def test_is_a_program(program):
    done = subprocess.run([sys.executable, *program, "--help"], capture_output=True, check=True)
    assert b"tfsparse COMMAND" in done.stdout


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--weights", "float16"], "as it was asked for: it stays as it is."),
        (["--encoding", "4x1"], "encoding=(4, 1) than dense: all stay dense."),
    ],
)
def test_what_the_package_logs_has_the_name_of_the_command(run, tmp_path, option, message):
    path = tmp_path / "tiny.tflite"
    path.write_bytes(flatbuffer.serialize(single_op(pruned((4, 8), 0.0))))
    code, out, err = run("convert", path, "-o", tmp_path / "out.tflite", *option)
    assert (code, len(out.splitlines())) == (0, 1)
    assert err.startswith(f"tfsparse convert: {path} has ")
    assert err.endswith(f"{message}\n")


@pytest.mark.parametrize("name", command.COMMANDS)
def test_help_has_an_example_and_every_flag(run, name):
    code, out, _ = run(name, "--help")
    assert code == 0
    assert f"\n    tfsparse {name} " in out.replace(f"tfsparse {name}\n", f"tfsparse {name} \n")
    assert "\nFlags:\n" in out
    assert max(map(len, out.splitlines())) < 130


@pytest.mark.parametrize("name", command.COMMANDS)
def test_help_needs_neither_keras_nor_tensorflow(name):
    """Which take seconds to import."""
    module = f"tfsparse.command_line.{name.replace('-', '_')}"
    code = f"import sys, {module}; sys.exit(bool({{'keras', 'tensorflow'}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_targets_are_those_of_the_function():
    from tfsparse.command_line import compress
    from tfsparse.search import targets

    assert tuple(compress.TARGETS) == targets.KEYS


def test_the_overview_names_all_commands(run):
    for arguments, expected in ((["--help"], 0), ([], 2)):
        code, out, err = run(*arguments)
        assert code == expected
        assert all(f"  {name} " in out + err for name in command.COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prune"], "Expected a command: convert, "),
        (["inspect"], "Expected one .tflite file. Received: none."),
        (["inspect", "a.tflite", "b.tflite"], "Received: a.tflite b.tflite."),
        (["inspect", "a.tflite", "--wat"], "Unknown command line flag 'wat'"),
        (["explain", "a.tflite", "--num_threads", "0"], "--num_threads=0"),
        (["convert", "a.keras"], "Expected the file to write"),
        (["densify", "a.tflite"], "Expected the file to write"),
        (["pack", "a.tflite"], "Expected the archive to write"),
        (["unpack", "a.pack"], "Expected the file to write"),
        (["prune-file", "a.tflite"], "Expected the file to write and calibration data"),
        (
            ["prune-file", "a", "-o", "b", "--representative_dataset", "c", "--std", "x"],
            "numbers for --std",
        ),
        (["benchmark"], "Expected one or more .tflite files"),
        *(
            ([name, "a.tflite", "--shape", "1x?x?x3"], "Expected --shape 1x224x224x3, or")
            for name in ("benchmark", "explain", "inspect", "report", "tune")
        ),
        (["explain", "a.tflite", "--shape", "1x8", "--shape", "1x8"], "or --shape name=1x224"),
        (["demo", "now"], "Expected flags only"),
    ],
)
def test_wrong_usage_is_exit_code_2(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["inspect", "explain", "benchmark", "tune"])
@pytest.mark.parametrize("content", [None, b"no model"])
def test_errors_are_one_line_and_exit_code_1(run, tmp_path, name, content):
    path = tmp_path / "model.tflite"
    if content:
        path.write_bytes(content)
    code, out, err = run(name, path)
    assert (code, out) == (1, "")
    assert err.startswith(f"tfsparse {name}: ")
    assert "model.tflite" in err
    assert err.count("\n") == 1


def test_inspect(run, model):
    code, out, err = run("inspect", model)
    assert (code, err) == (0, "")
    assert "16x1x1x64" in out
    assert "\x1b" not in out, "plain text off a terminal"
    code, out, _ = run("inspect", model, "--json")
    assert json.loads(out)["operators"][0]["kind"] == "CONV_2D"


def test_explain(run, model):
    code, out, _ = run("explain", model, "--noauto", "--measure")
    assert code == 0
    assert "µs" in out
    code, out, _ = run("explain", model, "--json")
    assert json.loads(out)["layers"][0]["operator"] == "CONV_2D"


def test_benchmark(run, model):
    code, out, _ = run("benchmark", model, model, "--seconds", 0.1, "--runtime", "litert")
    assert code == 0
    assert out.count("model.tflite") >= 2
    assert "TFLite default" in out
    code, out, _ = run("benchmark", model, "--seconds", 0.1, "--json")
    found = json.loads(out)
    assert found["results"][0]["comparison"]["speedup"] > 0


def test_benchmark_prints_json_of_outputs_that_are_not_finite(run, tmp_path):
    path = networks.convert_function(
        lambda x: tf.math.log(-1 - tf.square(x)), tmp_path / "nan.tflite", tf.TensorSpec([4, 8])
    )
    code, out, _ = run("benchmark", path, "--seconds", 0.1, "--json")
    result = json.loads(out)["results"][0]
    assert result["difference"] is result["default_difference"] is None
    assert code == 0  # TFLite's default has no other outputs.


def test_benchmark_fails_where_outputs_are_wrong(run, model, monkeypatch):
    monkeypatch.setattr(benchmark.Result, "is_wrong", lambda *_: True)
    code, out, err = run("benchmark", model, "--seconds", 0.1)
    assert code == 1
    assert "model.tflite" in out
    assert "Outputs are off by more than 0.0001: model.tflite" in err


def test_sizes_that_a_file_leaves_open_are_given_to_each_command(run, tmp_path):
    path = networks.open_sizes(tmp_path / "open.tflite")
    page = tmp_path / "report.html"
    for command_and_flags in (
        ("benchmark", "--seconds", 0.1),
        ("explain",),
        ("inspect",),
        ("report", "-o", page, "--nomeasure"),
        ("tune", "-o", tmp_path / "tuning.txt"),
    ):
        for shape, expected in ((), True), (("--shape", "image=1x32x32x3"), False):
            code, out, err = run(*command_and_flags, path, *shape)
            assert (code, err) == (0, "")
            out = page.read_text() if command_and_flags[0] == "report" else out
            assert ("image as 1x224x224x3" in out) == expected, command_and_flags


def test_tune(run, model, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code, out, err = run("tune", model)
    assert (code, err) == (0, "")
    assert "TFLite's default" in out
    assert f"Kept in {tmp_path}" in out
    code, out, _ = run("tune", model)
    assert code == 0
    assert "Nothing was measured" in out
    code, out, _ = run("tune", model, "--shape", "1x8x8x64", "-o", tmp_path / "t.txt", "--json")
    found = json.loads(out)
    assert (found["measured"], found["cache"]) == (True, str(tmp_path / "t.txt"))
    code, out, err = run("tune", model, "-o", tmp_path / "t.txt" / "t.txt")
    assert (code, out) == (1, "")
    assert "Cannot write" in err


@pytest.mark.parametrize(("encoding", "smaller"), [("auto", True), ("2x1", True), ("none", False)])
def test_convert(run, model, tmp_path, encoding, smaller):
    out = tmp_path / "out.tflite"
    code, printed, _ = run("convert", model, "-o", out, "--encoding", encoding, "--json")
    assert code == 0
    assert json.loads(printed) == {"path": str(out), "bytes": out.stat().st_size}
    assert (out.stat().st_size < Path(model).stat().st_size) == smaller


def test_convert_takes_the_range_of_int8_from_calibration_data(run, tmp_path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "model.keras")
    np.save(tmp_path / "inputs.npy", np.linspace(-3, 7, 40, dtype=np.float32).reshape(10, 4))
    out = tmp_path / "out.tflite"
    code, _, err = run(
        *("convert", tmp_path / "model.keras", "-o", out, "--weights", "int8"),
        *("--representative_dataset", tmp_path / "inputs.npy"),
    )
    assert (code, err) == (0, "")
    (scale,) = {
        float(tensor.quantization.scale[0])
        for tensor in flatbuffer.read(out).subgraphs[0].tensors
        if list(tensor.shape) == [1, 4] and tensor.type == flatbuffer.schema.TensorType.INT8
    }
    assert scale == pytest.approx((7 - -3) / 255, rel=1e-3)


def test_convert_keeps_the_batch_size_of_a_file(run, model, tmp_path):
    out = tmp_path / "out.tflite"
    code, _, err = run("convert", model, "-o", out, "--batch_size", 4)
    assert code == 1
    assert "Expected the batch size that" in err
    assert not out.exists()
    assert run("convert", model, "-o", out, "--batch_size", 1)[0] == 0


def test_densify(run, model, tmp_path):
    sparse, out = tmp_path / "sparse.tflite", tmp_path / "dense.tflite"
    tfsparse.convert(model, sparse)
    code, printed, err = run("densify", sparse, "-o", out, "--json")
    assert (code, err) == (0, "")
    assert json.loads(printed) == {"path": str(out), "bytes": out.stat().st_size}
    assert out.read_bytes() == Path(model).read_bytes()


def test_pack_and_unpack(run, model, tmp_path):
    archive, out = tmp_path / "model.pack", tmp_path / "again.tflite"
    code, printed, err = run("pack", model, "-o", archive, "--json")
    assert (code, err) == (0, "")
    assert json.loads(printed) == {"path": str(archive), "bytes": archive.stat().st_size}
    code, printed, err = run("unpack", archive, "-o", out)
    assert (code, err) == (0, "")
    assert printed.startswith(f"{out}: ")
    assert out.read_bytes() == Path(model).read_bytes()
    code, _, err = run("unpack", model, "-o", out)
    assert code == 1
    assert f"Cannot unpack {model}: expected an archive of tfsparse.pack" in err


def test_convert_refuses_calibration_data_for_a_tflite_file(run, model, tmp_path):
    np.save(tmp_path / "inputs.npy", np.zeros((4, 8, 8, 64), np.float32))
    code, _, err = run(
        *("convert", model, "-o", tmp_path / "out.tflite", "--weights", "int8"),
        *("--representative_dataset", tmp_path / "inputs.npy"),
    )
    assert code == 1
    assert "Expected weights=None for a .tflite file" in err
    assert err.count("\n") == 1


def test_prune_file(run, tmp_path):
    path, inputs, out = (tmp_path / name for name in ("in.tflite", "x.npy", "out.tflite"))
    path.write_bytes(flatbuffer.serialize(single_op(pruned((16, 1, 1, 64), 0))))
    np.save(inputs, np.random.default_rng(0).random((4, 8, 8, 64), np.float32))
    arguments = ("prune-file", path, "-o", out, "--representative_dataset", inputs)
    code, printed, _ = run(*arguments, "--scope", "all", "--sparsity", 0.7, "--json")
    assert code == 0
    sparsity = tfsparse.inspect(out).totals.sparsity
    assert sparsity == pytest.approx(0.7, abs=0.01)
    assert json.loads(printed) == {
        "path": str(out),
        "bytes": out.stat().st_size,
        "sparsity": sparsity,
    }
    code, printed, _ = run(*arguments, "--scope", "all", "--sparsity", 0.7)
    assert "out.tflite: " in printed
    assert "70.0% of the weights are zero" in printed
    code, _, _ = run(*arguments, "--scope", "all", "--block_size", "1x4")
    assert code == 0
    assert {tensor.structure for tensor in tfsparse.inspect(out).tensors} >= {"1x4 blocks"}
    code, _, err = run(*arguments, "--block_size", "3x4")
    assert code == 1
    assert "Received: (3, 4)" in err
    code, _, err = run(*arguments)
    assert code == 1
    assert "no layer in scope='pointwise'" in err
    assert "Use scope='all'" in err
    assert err.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error(model):
    code = f"{sys.executable} -m tfsparse inspect {model} --json | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["{", "0"]
    assert done.stderr == ""


def test_an_interrupt_is_said_in_one_line(run, model, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(delegate, "ask", interrupted)
    assert run("inspect", model) == (130, "", "tfsparse inspect: interrupted\n")


def test_compress(run, tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.keras")
    rng = np.random.default_rng(0)
    arrays = {f"x_{part}": rng.normal(size=(32, 4)) for part in ("train", "validation")}
    arrays |= {f"y_{part}": rng.normal(size=(32, 2)) for part in ("train", "validation")}
    np.savez(tmp_path / "data.npz", **arrays)
    command = ["compress", tmp_path / "model.keras", "--data", tmp_path / "data.npz"]
    command += ["-o", tmp_path / "found", "--trials=1", "--epochs=1", "--final_epochs=1"]
    code, out, _ = run(*command, "--macs=0.5", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["fraction"] <= 0.5
    assert (tmp_path / "found" / "best.tflite").exists()
    code, _, err = run(*command, "--macs=0.01")
    assert code == 1
    assert "is of a search for another model" in err
    assert run(*command)[0] == 2
    (tmp_path / "data.npz").write_bytes((tmp_path / "data.npz").read_bytes()[:200])
    code, _, err = run(*command, "--macs=0.5")
    assert code == 1
    assert "Expected a .npy or .npz file of numbers" in err
