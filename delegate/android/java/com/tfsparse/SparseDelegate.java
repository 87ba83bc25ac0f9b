package com.tfsparse;

import org.tensorflow.lite.Delegate;

/**
 * Runs TFLite models with sparse weights faster, skipping every zero.
 *
 * <pre>{@code
 * try (SparseDelegate delegate = new SparseDelegate();
 *     Interpreter interpreter =
 *         new Interpreter(model, new Interpreter.Options().addDelegate(delegate))) {
 *   interpreter.run(input, output);
 * }
 * }</pre>
 *
 * <p>One delegate may serve several interpreters and must be closed after all of them.
 */
public final class SparseDelegate implements Delegate {

  /** What may be set of a delegate. Values are checked when the delegate is made. */
  public static final class Options {
    private int numThreads;
    private String isa;
    private boolean fp16;
    private boolean automatic = true;

    /** Threads that run a model, at most 256; 0, the default, follows the interpreter. */
    public Options setNumThreads(int numThreads) {
      this.numThreads = numThreads;
      return this;
    }

    /**
     * The instruction set whose kernels are used, such as {@code "portable"}; {@code null}, the
     * default, is the fastest that the processor has.
     */
    public Options setIsa(String isa) {
      this.isa = isa;
      return this;
    }

    /** Whether to compute in float16 where the processor can; by default all is in float32. */
    public Options setFp16(boolean fp16) {
      this.fp16 = fp16;
      return this;
    }

    /**
     * Whether to leave to TFLite's default what it is predicted to run about as fast or faster, the
     * default; otherwise everything is taken that can be.
     */
    public Options setAutomatic(boolean automatic) {
      this.automatic = automatic;
      return this;
    }
  }

  static {
    System.loadLibrary("tfsparse_delegate");
  }

  private long handle;

  /** A delegate with the default options. */
  public SparseDelegate() {
    this(new Options());
  }

  /**
   * A delegate with options of one's own.
   *
   * @throws IllegalArgumentException if an option cannot be used; the message says why
   */
  public SparseDelegate(Options options) {
    handle = create(options.numThreads, options.isa, options.fp16, options.automatic);
  }

  /**
   * The native delegate, for TFLite.
   *
   * @throws IllegalStateException if the delegate is closed
   */
  @Override
  public long getNativeHandle() {
    if (handle == 0) {
      throw new IllegalStateException("Expected an open SparseDelegate. This one is closed.");
    }
    return handle;
  }

  /** Frees the native delegate. Closing twice is fine. */
  @Override
  public void close() {
    delete(handle);
    handle = 0;
  }

  private static native long create(
      int numThreads, String isa, boolean fp16, boolean automatic);

  private static native void delete(long handle);
}
