"""The wheels of `make wheel` are complete and run on the platforms in their names.

Building them takes minutes, so only `make wheel` runs these tests, with the wheels' folder in the
variable TFSPARSE_WHEELS.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from delegate import sources
from delegate.packaging import wheels, zig
from tests import predict
from tests.delegate import arm64
from tests.delegate.cpp import run
from tests.delegate.test_cpp import EXPORTS

PREDICT = Path(predict.__file__)


@pytest.fixture(params=wheels.MACHINES)
def machine(request):
    return request.param


@pytest.fixture
def wheel(machine):
    if "TFSPARSE_WHEELS" not in os.environ:
        pytest.skip("make wheel builds the wheels, and tests them")
    (path,) = Path(os.environ["TFSPARSE_WHEELS"]).glob(f"*-{interpreter_tag()}-*_{machine}.whl")
    return path


def interpreter_tag():
    return f"cp{sys.version_info.major}{sys.version_info.minor}"


def test_holds_the_package_and_its_licence_and_nothing_else(wheel, machine):
    package = [path for path in (sources.ROOT / "tfsparse").rglob("*") if path.is_file()]
    expected = {
        str(path.relative_to(sources.ROOT)) for path in package if path.suffix in (".py", ".jinja")
    }
    names = zipfile.ZipFile(wheel).namelist()
    found = {name for name in names if ".dist-info/" not in name and not name.endswith("/")}
    assert found == expected | {f"tfsparse/{wheels.extension_name(machine)}"}
    assert [name for name in names if name.endswith("/licenses/LICENSE")]


def test_auditwheel_finds_no_glibc_newer_than_asked_for(wheel, machine):
    shown = run(sys.executable, "-m", "auditwheel", "show", str(wheel))
    major, minor = re.search(rf'"manylinux_(\d+)_(\d+)_{machine}"', shown).groups()
    assert f"manylinux_{major}_{minor}_{machine}" in wheel.name
    assert (int(major), int(minor)) <= tuple(map(int, wheels.GLIBC.split(".")))


def test_exports_only_the_module_and_the_delegate(wheel, machine, tmp_path):
    shutil.unpack_archive(wheel, tmp_path, "zip")
    library = tmp_path / "tfsparse" / wheels.extension_name(machine)
    symbols = run("nm", "--dynamic", "--defined-only", str(library)).splitlines()
    assert sorted(line.split()[-1] for line in symbols) == ["PyInit__native", *EXPORTS]


def test_predicts_in_a_fresh_environment_without_tensorflow(wheel, machine, tmp_path):
    if machine != platform.machine():
        pytest.skip(f"pip installs no wheel for {machine} on {platform.machine()}")
    model = predict.make_model(tmp_path)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    alone = {"PYTHONPATH": ""}  # else pip finds the package in this folder, and installs nothing
    run(*install, "--no-deps", str(wheel), env=alone)
    run(*install, "ai-edge-litert", env=alone)  # and numpy with it
    assert "predicts" in run(python, str(PREDICT), model, env=alone)


@pytest.mark.parametrize("machine", ["aarch64"], indirect=True)
@pytest.mark.parametrize("cpu", ["cortex-a72", "cortex-a76"])
def test_predicts_on_arm64_without_tensorflow(wheel, cpu, tmp_path):
    try:
        arm64.root()
    except OSError as error:
        pytest.skip(str(error))
    if interpreter_tag() != f"cp{arm64.PYTHON.replace('.', '')}":
        pytest.skip(f"the arm64 Linux has Python {arm64.PYTHON}")
    shutil.unpack_archive(wheel, tmp_path / "site", "zip")
    shown = arm64.python(
        *(PREDICT, predict.make_model(tmp_path)),
        qemu=(arm64.QEMU, "-cpu", cpu),
        environment={"PYTHONPATH": tmp_path / "site"},
    )
    assert "predicts" in shown


def test_zig_takes_the_flags_of_every_source(tmp_path):
    pytest.importorskip("ziglang", reason="pip install ziglang")
    empty, target = tmp_path / "empty.cc", tmp_path / "empty.o"
    empty.write_text("int defined = 1;\n")
    for machine in wheels.MACHINES:
        for flags in sources.isa_flags(machine).values():
            options = zig.translate([*sources.COMMON_FLAGS, *flags, "-fPIC"])
            zig.run("c++", "-target", f"{machine}-linux-gnu", *options, "-c", empty, "-o", target)
