// The exports of the delegate's shared object, for tests that link it.
#pragma once

#include <cstddef>
#include <memory>

#include "delegate/tflite/abi.h"

extern "C" TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys,
                                                         const char* const* values,
                                                         std::size_t count,
                                                         void (*report_error)(const char*));
extern "C" void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate);

namespace tfsparse {
namespace testing {

struct DestroyDelegate {
  void operator()(TfLiteDelegate* delegate) const { tflite_plugin_destroy_delegate(delegate); }
};
using DelegatePtr = std::unique_ptr<TfLiteDelegate, DestroyDelegate>;

// A delegate that takes everything it supports, whatever the predicted speed.
inline DelegatePtr make_delegate() {
  const char *key = "auto", *value = "0";
  return DelegatePtr(tflite_plugin_create_delegate(&key, &value, 1, nullptr));
}

}  // namespace testing
}  // namespace tfsparse
