import com.tfsparse.SparseDelegate;

/** A fake interpreter that is slow if the delegate does not run the model. */
final class FakeTflite implements SparseDelegate.Session {
  static int opened;
  static int runs;

  private final long runtime;

  FakeTflite(org.tensorflow.lite.Delegate delegate) {
    runtime = open(delegate == null ? 0 : delegate.getNativeHandle());
    ++opened;
  }

  boolean isLeft() {
    return isLeft(runtime);
  }

  @Override
  public void run() {
    ++runs;
    run(runtime);
    try {
      Thread.sleep(isLeft() ? 20 : 0);
    } catch (InterruptedException error) {
      throw new IllegalStateException(error);
    }
  }

  @Override
  public void close() {
    --opened;
    close(runtime);
  }

  private static native long open(long delegate);

  private static native boolean isLeft(long runtime);

  private static native void run(long runtime);

  private static native void close(long runtime);
}
