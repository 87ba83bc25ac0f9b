// The native methods of com.tfsparse.SparseDelegate.
#include <jni.h>

#include <string>

#include "delegate/tfsparse_delegate.h"

namespace {

void keep_error(void* user_data, const char* message) {
  *static_cast<std::string*>(user_data) = message;
}

TfLiteDelegate* as_delegate(jlong handle) { return reinterpret_cast<TfLiteDelegate*>(handle); }

}  // namespace

extern "C" JNIEXPORT jlong JNICALL Java_com_tfsparse_SparseDelegate_create(
    JNIEnv* env, jclass, jint num_threads, jstring isa, jboolean fp16, jboolean automatic) {
  std::string error;
  TfSparseDelegateOptions options = TfSparseDelegateOptionsDefault();
  options.num_threads = num_threads;
  options.fp16 = fp16 == JNI_TRUE;
  options.automatic = automatic == JNI_TRUE;
  options.report_error = keep_error;
  options.user_data = &error;
  if (isa != nullptr) {
    options.isa = env->GetStringUTFChars(isa, nullptr);
    if (options.isa == nullptr) return 0;  // an OutOfMemoryError is on its way
  }
  TfLiteDelegate* delegate = TfSparseDelegateCreate(&options);
  if (isa != nullptr) env->ReleaseStringUTFChars(isa, options.isa);
  if (delegate == nullptr) {
    env->ThrowNew(env->FindClass("java/lang/IllegalArgumentException"), error.c_str());
  }
  return reinterpret_cast<jlong>(delegate);
}

extern "C" JNIEXPORT void JNICALL Java_com_tfsparse_SparseDelegate_delete(JNIEnv*, jclass,
                                                                          jlong handle) {
  TfSparseDelegateDelete(as_delegate(handle));
}
