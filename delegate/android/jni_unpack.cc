// The native methods of com.tfsparse.PackedModel.
#include <jni.h>

#include <cstdint>
#include <string>

#include "delegate/tfsparse_delegate.h"

namespace {

void keep_error(void* user_data, const char* message) {
  *static_cast<std::string*>(user_data) = message;
}

void throw_error(JNIEnv* env, const std::string& error) {
  env->ThrowNew(env->FindClass("java/lang/IllegalArgumentException"), error.c_str());
}

// The memory of a direct buffer.
struct Memory {
  Memory(JNIEnv* env, jobject buffer)
      : data(env->GetDirectBufferAddress(buffer)),
        size(static_cast<std::size_t>(env->GetDirectBufferCapacity(buffer))) {}

  void* data;
  std::size_t size;
};

}  // namespace

extern "C" JNIEXPORT jlong JNICALL Java_com_tfsparse_PackedModel_size(JNIEnv* env, jclass,
                                                                      jobject archive) {
  const Memory packed(env, archive);
  std::string error;
  std::uint64_t size = 0;
  if (!TfSparseUnpackedSize(packed.data, packed.size, &size, keep_error, &error)) {
    throw_error(env, error);
  }
  return static_cast<jlong>(size);
}

extern "C" JNIEXPORT void JNICALL Java_com_tfsparse_PackedModel_decode(JNIEnv* env, jclass,
                                                                       jobject archive,
                                                                       jobject file) {
  const Memory packed(env, archive), output(env, file);
  std::string error;
  if (!TfSparseUnpack(packed.data, packed.size, output.data, output.size, keep_error, &error)) {
    throw_error(env, error);
  }
}
