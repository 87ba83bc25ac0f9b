"""GCC for arm64 Linux where Debian's package g++-aarch64-linux-gnu puts it."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "ACTION_NAMES")
load(
    "@bazel_tools//tools/cpp:cc_toolchain_config_lib.bzl",
    "feature",
    "flag_group",
    "flag_set",
    "tool_path",
)

_PREFIX = "/usr/bin/aarch64-linux-gnu-"
_TOOLS = ["ar", "cpp", "gcc", "gcov", "ld", "nm", "objdump", "strip"]
_LINK = [
    ACTION_NAMES.cpp_link_executable,
    ACTION_NAMES.cpp_link_dynamic_library,
    ACTION_NAMES.cpp_link_nodeps_dynamic_library,
]

def _always(name, actions, flags):
    flag_sets = [flag_set(actions, flag_groups = [flag_group(flags = flags)])]
    return feature(name = name, enabled = True, flag_sets = flag_sets)

def _implementation(context):
    return cc_common.create_cc_toolchain_config_info(
        ctx = context,
        toolchain_identifier = "aarch64-linux-gnu",
        host_system_name = "local",
        target_system_name = "aarch64-linux-gnu",
        target_cpu = "aarch64",
        target_libc = "glibc",
        compiler = "gcc",
        abi_version = "gcc",
        abi_libc_version = "glibc",
        cxx_builtin_include_directories = [
            "/usr/lib/gcc-cross/aarch64-linux-gnu",
            "/usr/aarch64-linux-gnu",
        ],
        tool_paths = [tool_path(name = name, path = _PREFIX + name) for name in _TOOLS],
        features = [
            feature(name = "supports_pic", enabled = True),
            _always("standard_library", _LINK, ["-lstdc++", "-lm"]),
            # Headers are known to Bazel by the paths above, not by where links lead.
            _always("paths_of_headers", [ACTION_NAMES.cpp_compile], ["-fno-canonical-system-headers"]),
        ],
    )

aarch64_toolchain_config = rule(
    implementation = _implementation,
    provides = [CcToolchainConfigInfo],
)
