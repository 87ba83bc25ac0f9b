import com.tfsparse.SparseDelegate;

/** What an app does with the delegate, on the JVM of the desktop. */
final class SparseDelegateTest {
  public static void main(String[] arguments) {
    SparseDelegate delegate = new SparseDelegate(new SparseDelegate.Options().setNumThreads(2));
    SparseDelegate other = new SparseDelegate();
    check(delegate.getNativeHandle() != 0, "a handle");
    check(delegate.getNativeHandle() != other.getNativeHandle(), "a handle of its own");
    delegate.close();
    delegate.close();
    other.close();
    check(message(delegate::getNativeHandle).contains("closed"), "no handle once closed");

    SparseDelegate.Options options = new SparseDelegate.Options().setNumThreads(-3);
    String message = message(() -> new SparseDelegate(options));
    check(message.contains("num_threads") && message.contains("'-3'"), message);
    options.setNumThreads(0).setIsa("abacus");
    check(message(() -> new SparseDelegate(options)).contains("'abacus'"), "unknown isa");
    options.setIsa("portable").setFp16(true).setAutomatic(false);
    new SparseDelegate(options).close();
  }

  private static String message(Runnable refused) {
    try {
      refused.run();
    } catch (IllegalArgumentException | IllegalStateException error) {
      return error.getMessage();
    }
    throw new AssertionError("no exception");
  }

  private static void check(boolean passed, String what) {
    if (!passed) {
      throw new AssertionError(what);
    }
  }
}
