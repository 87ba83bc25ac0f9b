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
    private String tuning;
    private String runtimeVersion;
    private String inputShapes;

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

    /**
     * The tuning cache, a file in which {@link #tuned} keeps what it measured. A model that it has
     * is run accordingly, others as {@link #setAutomatic} says. The file need not exist; {@code
     * null}, the default, is none.
     */
    public Options setTuning(String path) {
      this.tuning = path;
      return this;
    }

    /**
     * TFLite's name and version, such as {@code "TFLite " + TensorFlowLite.runtimeVersion()}. What
     * was measured is good for one version.
     */
    public Options setRuntimeVersion(String runtimeVersion) {
      this.runtimeVersion = runtimeVersion;
      return this;
    }

    /**
     * What the inputs are resized to, such as {@code "1x320x320x3"}, if it is not what the model's
     * file has. What was measured is good for one size.
     */
    public Options setInputShapes(String inputShapes) {
      this.inputShapes = inputShapes;
      return this;
    }

    private String[] texts() {
      return new String[] {isa, tuning, runtimeVersion, inputShapes};
    }
  }

  /** Runs the model for {@link #tuned}. */
  public interface Host {
    /**
     * Makes an interpreter of the model, with the threads that the app uses, and fills its inputs.
     *
     * @param delegate to be added to its options, without closing it; {@code null} for none
     */
    Session open(Delegate delegate);
  }

  /** An interpreter of a {@link Host}. */
  public interface Session extends AutoCloseable {
    /** Runs one inference. */
    void run();

    /** Closes the interpreter. What it throws is ignored. */
    @Override
    void close();
  }

  /** What {@link #tuned} found. */
  public static final class Tuning {
    private final double[] values;

    Tuning(double[] values) {
      this.values = values;
    }

    /** Whether something was measured now; otherwise the tuning cache had the model. */
    public boolean isMeasured() {
      return values[0] != 0;
    }

    /** Whether the tuning cache has the model now. */
    public boolean isSaved() {
      return values[1] != 0;
    }

    /** Connected parts of the model that the delegate can run. */
    public int getParts() {
      return (int) values[2];
    }

    /** How many of them it runs. */
    public int getPartsTaken() {
      return (int) values[3];
    }

    /** Median latency of TFLite's default; 0 if nothing was measured. */
    public double getDefaultMillis() {
      return values[4];
    }

    /** The same with the parts that the delegate runs, or with all where it runs none. */
    public double getSparseMillis() {
      return values[5];
    }
  }

  static {
    System.loadLibrary("tfsparse_delegate");
  }

  private long handle;
  private final Tuning tuning;

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
    handle = create(options.numThreads, options.fp16, options.automatic, options.texts());
    tuning = null;
  }

  private SparseDelegate(long handle, Tuning tuning) {
    this.handle = handle;
    this.tuning = tuning;
  }

  /**
   * A delegate that runs of one model what was measured to be faster with it. TFLite's default and
   * the delegate run alternately in interpreters of the host, part by part where the model has
   * several, mostly for a few seconds. The decision is kept in the tuning cache, if there is one,
   * and followed without a measurement the next time, as long as model, threads, processor and
   * versions are the same. A file that cannot be written is no error.
   *
   * @throws IllegalArgumentException if an option cannot be used or the host opens no interpreter
   */
  public static SparseDelegate tuned(Options options, Host host) {
    double[] result = new double[6];
    long handle = createTuned(options.numThreads, options.fp16, options.texts(), host, result);
    return new SparseDelegate(handle, new Tuning(result));
  }

  /** What was measured; {@code null} for a delegate that {@link #tuned} did not make. */
  public Tuning getTuning() {
    return tuning;
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

  /** What the native library calls. */
  private static Session open(Host host, long handle) {
    return host.open(handle == 0 ? null : () -> handle);
  }

  private static native long create(
      int numThreads, boolean fp16, boolean automatic, String[] texts);

  private static native long createTuned(
      int numThreads, boolean fp16, String[] texts, Host host, double[] result);

  private static native void delete(long handle);
}
