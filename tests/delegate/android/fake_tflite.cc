// The native methods of FakeTflite: a model of one convolution in a fake runtime.
#include <jni.h>

#include "tests/delegate/tflite/fake_runtime.h"

using tfsparse::testing::ConvParams;
using tfsparse::testing::FakeRuntime;

extern "C" JNIEXPORT jlong JNICALL Java_FakeTflite_open(JNIEnv*, jclass, jlong delegate) {
  auto* runtime = new FakeRuntime;
  const int x = runtime->tensor({1, 3, 3, 2}), y = runtime->tensor({1, 3, 3, 2});
  const int weights = runtime->floats({2, 1, 1, 2}, {1, 0, 0, 2});
  const ConvParams params{kTfLitePaddingSame, 1, 1, kTfLiteActNone, 1, 1};
  runtime->node(kTfLiteBuiltinConv2d, {x, weights}, {y}, params);
  runtime->outputs = {y};
  if (delegate != 0) runtime->apply(reinterpret_cast<TfLiteDelegate*>(delegate));
  runtime->allocate();
  return reinterpret_cast<jlong>(runtime);
}

extern "C" JNIEXPORT jboolean JNICALL Java_FakeTflite_isLeft(JNIEnv*, jclass, jlong runtime) {
  return reinterpret_cast<FakeRuntime*>(runtime)->is_left(0);
}

extern "C" JNIEXPORT void JNICALL Java_FakeTflite_run(JNIEnv*, jclass, jlong runtime) {
  reinterpret_cast<FakeRuntime*>(runtime)->invoke();
}

extern "C" JNIEXPORT void JNICALL Java_FakeTflite_close(JNIEnv*, jclass, jlong runtime) {
  delete reinterpret_cast<FakeRuntime*>(runtime);
}
