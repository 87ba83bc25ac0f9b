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
 * <p>Several interpreters may use one delegate. Close it after all of them.
 */
public final class SparseDelegate implements Delegate {

  /** The options of a delegate. They are checked when a delegate is created. */
  public static final class Options {
    private int numThreads;
    private String isa;
    private boolean fp16;
    private boolean automatic = true;
    private String tuning;
    private String runtimeVersion;
    private String inputShapes;

    /** Threads that run a model, at most 256. Default: 0, as in the interpreter. */
    public Options setNumThreads(int numThreads) {
      this.numThreads = numThreads;
      return this;
    }

    /**
     * The instruction set of the kernels, such as {@code "portable"}. Default: {@code null}, the
     * fastest one that the processor supports.
     */
    public Options setIsa(String isa) {
      this.isa = isa;
      return this;
    }

    /** Whether to compute in float16 if the processor supports it. Default: false. */
    public Options setFp16(boolean fp16) {
      this.fp16 = fp16;
      return this;
    }

    /**
     * Whether to run only those parts of a model that are predicted to be faster than with TFLite's
     * default. Default: true. If false, all supported parts are run.
     */
    public Options setAutomatic(boolean automatic) {
      this.automatic = automatic;
      return this;
    }

    /**
     * The path of the tuning cache, a file with the decisions of {@link #tuned}. For models without
     * an entry, {@link #setAutomatic} applies. The file need not exist. Default: {@code null}, no
     * cache.
     */
    public Options setTuning(String path) {
      this.tuning = path;
      return this;
    }

    /**
     * TFLite's name and version, such as {@code "TFLite " + TensorFlowLite.runtimeVersion()}. An
     * entry of the tuning cache applies to one version.
     */
    public Options setRuntimeVersion(String runtimeVersion) {
      this.runtimeVersion = runtimeVersion;
      return this;
    }

    /**
     * The shapes to which inputs will be resized: {@code "1x320x320x3"} of an only input, or by the
     * names of tensors {@code "a=1x320x320x3,b=1x2"}. {@link #setAutomatic} decides for them, and
     * an entry of the tuning cache applies to one set of shapes. A model that has no tensor of a
     * name, or another number of sizes, is refused when the interpreter is made. Default: {@code
     * null}, the shapes in the model's file.
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
     * Creates an interpreter of the model with the app's number of threads and fills its inputs.
     *
     * @param delegate to be added to its options, without closing it; {@code null} for none
     */
    Session open(Delegate delegate);
  }

  /** An interpreter of a {@link Host}. */
  public interface Session extends AutoCloseable {
    /** Runs one inference. */
    void run();

    /** Closes the interpreter. Exceptions are ignored. */
    @Override
    void close();
  }

  /** The result of {@link #tuned}. */
  public static final class Tuning {
    private final double[] values;

    Tuning(double[] values) {
      this.values = values;
    }

    /** Whether this call measured. If not, the tuning cache had an entry. */
    public boolean isMeasured() {
      return values[0] != 0;
    }

    /** Whether the tuning cache has an entry for the model now. */
    public boolean isSaved() {
      return values[1] != 0;
    }

    /** The number of connected parts of the model that the delegate supports. */
    public int getParts() {
      return (int) values[2];
    }

    /** The number of parts that it runs. */
    public int getPartsTaken() {
      return (int) values[3];
    }

    /** Median latency of TFLite's default in milliseconds; 0 if not measured. */
    public double getDefaultMillis() {
      return values[4];
    }

    /** The same with the parts that the delegate runs, or with all parts if it runs none. */
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
   * A delegate with the given options.
   *
   * @throws IllegalArgumentException if an option is invalid
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
   * A delegate that runs the parts of one model that were measured to be faster with it. TFLite's
   * default and the delegate run alternately in interpreters of the host, part by part, mostly for
   * a few seconds. The decision is stored in the tuning cache, if set. Later calls follow it
   * without measuring, as long as model, threads, processor and versions are the same. Failure to
   * write the cache is not an error.
   *
   * @throws IllegalArgumentException if an option is invalid or the host opens no interpreter
   */
  public static SparseDelegate tuned(Options options, Host host) {
    double[] result = new double[6];
    long handle = createTuned(options.numThreads, options.fp16, options.texts(), host, result);
    return new SparseDelegate(handle, new Tuning(result));
  }

  /** The measurements; {@code null} if {@link #tuned} did not create this delegate. */
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

  /** Frees the native delegate. It may be closed twice. */
  @Override
  public void close() {
    delete(handle);
    handle = 0;
  }

  /** Called by the native library. */
  private static Session open(Host host, long handle) {
    return host.open(handle == 0 ? null : () -> handle);
  }

  private static native long create(
      int numThreads, boolean fp16, boolean automatic, String[] texts);

  private static native long createTuned(
      int numThreads, boolean fp16, String[] texts, Host host, double[] result);

  private static native void delete(long handle);
}
