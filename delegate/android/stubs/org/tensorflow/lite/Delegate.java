package org.tensorflow.lite;

/** TFLite's interface as {@code javac} needs it; the real one comes with the app's TFLite. */
public interface Delegate extends java.io.Closeable {
  long getNativeHandle();

  @Override
  default void close() {}
}
