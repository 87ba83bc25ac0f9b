// What ends the module, in place of the C++ library's functions of these names, which print a
// message that no one could read and would bring all of printf into the module.
#if defined(__wasm__)
#include <__verbose_abort>

_LIBCPP_BEGIN_NAMESPACE_STD
void __libcpp_verbose_abort(const char*, ...) noexcept { __builtin_trap(); }
[[noreturn]] void __throw_system_error(int, const char*) { __builtin_trap(); }
_LIBCPP_END_NAMESPACE_STD

extern "C" void __cxa_pure_virtual() { __builtin_trap(); }
extern "C" [[noreturn]] void __abort_message(const char*, ...) { __builtin_trap(); }
#endif
