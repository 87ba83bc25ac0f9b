"""The parts of the C++ library that the delegate needs, from the sources in the package ziglang.

Zig would compile the whole library, which takes many times as long.
"""

from delegate.packaging import zig

# The first configures headers that the others include too.
PARTS = (
    "libcxx/src/memory.cpp",
    "libcxx/src/algorithm.cpp",
    "libcxx/src/chrono.cpp",
    "libcxx/src/new_handler.cpp",
    "libcxx/src/new_helpers.cpp",
    "libcxx/src/string.cpp",
    "libcxxabi/src/stdlib_new_delete.cpp",
)


def flags():
    """Compiler flags of these sources, beside those of all code. Their warnings are not shown."""
    lib = zig.package() / "lib"
    return (
        *("-std=c++23", "-fno-rtti", "-fvisibility=hidden", "-w"),
        *("-D_LIBCPP_BUILDING_LIBRARY", "-D_LIBCXXABI_BUILDING_LIBRARY"),
        *(f"-I{lib}", f"-I{lib}/libcxx/src", f"-I{lib}/libcxx/libc"),
    )
