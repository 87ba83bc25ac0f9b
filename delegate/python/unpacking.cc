#include "delegate/python/unpacking.h"

#include <cstdint>
#include <limits>
#include <new>

#include "delegate/core/unpacking/unpack.h"

namespace py = pybind11;

namespace tfsparse {
namespace {

void raise_if_error(const Status& status) {
  if (!status.ok()) throw py::value_error(status.message());
}

py::bytes unpack_archive(const py::buffer& archive) {
  const py::buffer_info info = archive.request();
  if (info.ndim != 1 || info.strides[0] != info.itemsize) {
    throw py::value_error("Expected the bytes of an archive.");
  }
  const auto* data = static_cast<const std::uint8_t*>(info.ptr);
  const auto data_size = static_cast<std::size_t>(info.size * info.itemsize);
  std::uint64_t size = 0;
  raise_if_error(unpacked_size(data, data_size, &size));
  if (size > std::uint64_t{std::numeric_limits<py::ssize_t>::max()}) throw std::bad_alloc();
  PyObject* made = PyBytes_FromStringAndSize(nullptr, static_cast<py::ssize_t>(size));
  if (made == nullptr) throw py::error_already_set();
  const auto file = py::reinterpret_steal<py::bytes>(made);
  auto* output = reinterpret_cast<std::uint8_t*>(PyBytes_AsString(made));
  Status status;
  {
    const py::gil_scoped_release unlocked;
    status = unpack(data, data_size, output, static_cast<std::size_t>(size));
  }
  raise_if_error(status);
  return file;
}

}  // namespace

void define_unpacking(py::module_& module) {
  module.def(
      "unpack", &unpack_archive, py::arg("archive"),
      "The bytes of the file in an archive of `tfsparse.pack`, which are given as bytes too. "
      "Raises ValueError if it is damaged.");
}

}  // namespace tfsparse
