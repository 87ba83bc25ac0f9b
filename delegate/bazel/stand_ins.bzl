"""Stands in for the rule sets that Bazel asks for by name and a C++ build does not need.

Bazel 4 loads them over the network for every cc_library and cc_test; with these it downloads nothing.
"""

def _files_impl(context):
    for path, content in context.attr.files.items():
        context.file(path, content)

_files = repository_rule(
    implementation = _files_impl,
    attrs = {"files": attr.string_dict(mandatory = True)},
)

def _native(*rules):
    return "".join(["def %s(**arguments):\n    native.%s(**arguments)\n" % (r, r) for r in rules])

def stand_ins():
    """Declares the repositories."""
    _files(
        name = "rules_cc",
        files = {
            "BUILD": "",
            "cc/BUILD": "",
            "cc/defs.bzl": _native("cc_binary", "cc_library", "cc_test", "cc_toolchain") +
                           _native("cc_toolchain_suite", "cc_import"),
        },
    )
    _files(
        name = "rules_java",
        files = {
            "BUILD": "",
            "java/BUILD": "",
            "java/defs.bzl": _native("java_binary", "java_import", "java_library") +
                             _native("java_toolchain", "java_runtime"),
        },
    )
    _files(
        name = "remote_coverage_tools",
        files = {"BUILD": "\n".join([
            "filegroup(name = '%s', srcs = [], visibility = ['//visibility:public'])" % name
            for name in ["coverage_report_generator", "lcov_merger"]
        ])},
    )
