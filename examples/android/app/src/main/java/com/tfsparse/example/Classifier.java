package com.tfsparse.example;

import com.tfsparse.SparseDelegate;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.tensorflow.lite.Interpreter;

/** A model with what runs it: TFLite's default, or tfsparse's delegate. */
final class Classifier implements AutoCloseable {
  private final SparseDelegate delegate;
  private final Interpreter interpreter;

  /**
   * @param delegate null for TFLite's default; closed with the classifier
   */
  Classifier(ByteBuffer model, int threads, SparseDelegate delegate) {
    this.delegate = delegate;
    Interpreter.Options options = new Interpreter.Options().setNumThreads(threads);
    if (delegate != null) {
      options.addDelegate(delegate);
    }
    interpreter = new Interpreter(model, options);
  }

  /** How many values the model takes of a pixel. */
  int channels() {
    return interpreter.getInputTensor(0).shape()[3];
  }

  /** The scores of every class for one image of floats. */
  float[] classify(float[][][][] image, int classes) {
    float[][] scores = new float[1][classes];
    interpreter.run(image, scores);
    return scores[0];
  }

  /** The median time of an inference, in milliseconds. */
  double milliseconds(float[][][][] image, int classes, int runs) {
    long[] nanoseconds = new long[runs];
    for (int i = 0; i < runs; ++i) {
      long start = System.nanoTime();
      classify(image, classes);
      nanoseconds[i] = System.nanoTime() - start;
    }
    Arrays.sort(nanoseconds);
    return nanoseconds[runs / 2] / 1e6;
  }

  @Override
  public void close() {
    interpreter.close();
    if (delegate != null) {
      delegate.close();
    }
  }
}
