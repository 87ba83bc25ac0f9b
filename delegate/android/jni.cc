// The native methods of com.tfsparse.SparseDelegate.
#include <jni.h>

#include <string>

#include "delegate/tfsparse_delegate.h"

namespace {

void keep_error(void* user_data, const char* message) {
  *static_cast<std::string*>(user_data) = message;
}

TfLiteDelegate* as_delegate(jlong handle) { return reinterpret_cast<TfLiteDelegate*>(handle); }

// The options from Java, and the strings that they point to.
class JavaOptions {
 public:
  // `texts` has one string or null for each of kTexts.
  JavaOptions(JNIEnv* env, jint num_threads, jboolean fp16, jboolean automatic, jobjectArray texts)
      : env_(env) {
    options_.num_threads = num_threads;
    options_.fp16 = fp16 == JNI_TRUE;
    options_.automatic = automatic == JNI_TRUE;
    options_.report_error = keep_error;
    options_.user_data = &error_;
    for (int i = 0; i < kTexts; ++i) {
      strings_[i] = static_cast<jstring>(env->GetObjectArrayElement(texts, i));
      if (strings_[i] != nullptr) *fields_[i] = env->GetStringUTFChars(strings_[i], nullptr);
    }
  }
  ~JavaOptions() {
    for (int i = 0; i < kTexts; ++i) {
      if (*fields_[i] != nullptr) env_->ReleaseStringUTFChars(strings_[i], *fields_[i]);
    }
  }
  JavaOptions(const JavaOptions&) = delete;
  JavaOptions& operator=(const JavaOptions&) = delete;

  const TfSparseDelegateOptions* get() const { return &options_; }

  // Returns a new delegate to Java. On failure throws the reason, unless an exception is pending.
  jlong finish(TfLiteDelegate* delegate) const {
    if (delegate == nullptr && !env_->ExceptionCheck()) {
      env_->ThrowNew(env_->FindClass("java/lang/IllegalArgumentException"), error_.c_str());
    }
    return reinterpret_cast<jlong>(delegate);
  }

 private:
  static constexpr int kTexts = 4;
  JNIEnv* env_;
  std::string error_;
  TfSparseDelegateOptions options_ = TfSparseDelegateOptionsDefault();
  jstring strings_[kTexts];
  const char** const fields_[kTexts] = {&options_.isa, &options_.tuning, &options_.runtime_version,
                                        &options_.input_shapes};
};

// Calls Java's Host. A pending exception reaches the caller of the native method.
class JavaHost {
 public:
  JavaHost(JNIEnv* env, jclass delegate_class, jobject host)
      : env_(env), delegate_class_(delegate_class), host_(host) {
    const jclass session = env->FindClass("com/tfsparse/SparseDelegate$Session");
    open_ = env->GetStaticMethodID(
        delegate_class, "open",
        "(Lcom/tfsparse/SparseDelegate$Host;J)Lcom/tfsparse/SparseDelegate$Session;");
    run_ = env->GetMethodID(session, "run", "()V");
    close_ = env->GetMethodID(session, "close", "()V");
  }

  TfSparseTuneHost functions() { return {open, invoke, close, this}; }

 private:
  static void* open(void* user_data, TfLiteDelegate* delegate) {
    const auto& host = *static_cast<JavaHost*>(user_data);
    JNIEnv* env = host.env_;
    const jobject session = env->CallStaticObjectMethod(
        host.delegate_class_, host.open_, host.host_, reinterpret_cast<jlong>(delegate));
    return env->ExceptionCheck() ? nullptr : env->NewGlobalRef(session);
  }
  static int invoke(void* user_data, void* session) {
    const auto& host = *static_cast<JavaHost*>(user_data);
    host.env_->CallVoidMethod(static_cast<jobject>(session), host.run_);
    return host.env_->ExceptionCheck() ? 1 : 0;
  }
  static void close(void* user_data, void* session) {
    const auto& host = *static_cast<JavaHost*>(user_data);
    // No Java call is allowed while an exception is pending.
    const jthrowable pending = host.env_->ExceptionOccurred();
    host.env_->ExceptionClear();
    host.env_->CallVoidMethod(static_cast<jobject>(session), host.close_);
    if (host.env_->ExceptionCheck()) host.env_->ExceptionClear();
    host.env_->DeleteGlobalRef(static_cast<jobject>(session));
    if (pending != nullptr) host.env_->Throw(pending);
  }

  JNIEnv* env_;
  jclass delegate_class_;
  jobject host_;
  jmethodID open_, run_, close_;
};

}  // namespace

extern "C" JNIEXPORT jlong JNICALL Java_com_tfsparse_SparseDelegate_create(
    JNIEnv* env, jclass, jint num_threads, jboolean fp16, jboolean automatic, jobjectArray texts) {
  const JavaOptions options(env, num_threads, fp16, automatic, texts);
  if (env->ExceptionCheck()) return 0;  // an OutOfMemoryError
  return options.finish(TfSparseDelegateCreate(options.get()));
}

extern "C" JNIEXPORT jlong JNICALL Java_com_tfsparse_SparseDelegate_createTuned(
    JNIEnv* env, jclass delegate_class, jint num_threads, jboolean fp16, jobjectArray texts,
    jobject java_host, jdoubleArray result) {
  const JavaOptions options(env, num_threads, fp16, JNI_TRUE, texts);
  JavaHost host(env, delegate_class, java_host);
  if (env->ExceptionCheck()) return 0;
  const TfSparseTuneHost functions = host.functions();
  TfSparseTuneResult found;
  TfLiteDelegate* delegate = TfSparseDelegateCreateTuned(options.get(), &functions, &found);
  if (delegate != nullptr) {
    const jdouble values[] = {jdouble(found.measured),     jdouble(found.saved),
                              jdouble(found.parts),        jdouble(found.parts_taken),
                              1e3 * found.default_seconds, 1e3 * found.tfsparse_seconds};
    env->SetDoubleArrayRegion(result, 0, sizeof values / sizeof values[0], values);
  }
  return options.finish(delegate);
}

extern "C" JNIEXPORT void JNICALL Java_com_tfsparse_SparseDelegate_delete(JNIEnv*, jclass,
                                                                          jlong handle) {
  TfSparseDelegateDelete(as_delegate(handle));
}
