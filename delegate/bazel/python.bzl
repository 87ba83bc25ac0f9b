"""Finds Python's and pybind11's headers by asking the interpreter that has them."""

_QUESTION = """
import platform, sysconfig
import pybind11
print(sysconfig.get_path("include"), pybind11.get_include(), platform.machine(), sep="\\n")
"""

_BUILD = """
cc_library(
    name = "headers",
    hdrs = glob(["python/**", "pybind11/**"]),
    includes = ["python", "pybind11"],
    target_compatible_with = ["@platforms//cpu:{cpu}"],
    visibility = ["//visibility:public"],
)
"""

def _interpreter(context):
    environment = context.os.environ
    if "PYTHON_BIN_PATH" in environment:
        return environment["PYTHON_BIN_PATH"]
    if "VIRTUAL_ENV" in environment:
        return environment["VIRTUAL_ENV"] + "/bin/python"
    return context.which("python3")

def _python_headers_impl(context):
    python = _interpreter(context)
    answer = context.execute([python, "-c", _QUESTION])
    if answer.return_code:
        fail("Expected a Python with pybind11 (pip install pybind11), named by PYTHON_BIN_PATH, by " +
             "VIRTUAL_ENV or found as python3. Received: %s: %s" % (python, answer.stderr))
    python_include, pybind11_include, machine = answer.stdout.splitlines()
    context.symlink(python_include, "python")
    context.symlink(pybind11_include, "pybind11")
    context.file("BUILD", _BUILD.format(cpu = machine))

python_headers = repository_rule(
    implementation = _python_headers_impl,
    doc = "Headers for a module of the interpreter, on a CPU as the interpreter's.",
    environ = ["PATH", "PYTHON_BIN_PATH", "VIRTUAL_ENV"],
    local = True,
)
