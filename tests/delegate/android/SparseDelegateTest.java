import com.tfsparse.SparseDelegate;
import java.io.File;
import java.io.IOException;

/** An app's use of the delegate, on a desktop JVM. */
final class SparseDelegateTest {
  public static void main(String[] arguments) throws IOException {
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
    checkTuning();
    checkFailuresOfTheHost();
  }

  /** Tunes twice, then loads the delegate with the tuning cache. */
  private static void checkTuning() throws IOException {
    File cache = File.createTempFile("tuning", ".txt");
    SparseDelegate.Options options =
        new SparseDelegate.Options()
            .setTuning(cache.getPath())
            .setRuntimeVersion("TFLite 2.17.0")
            .setInputShapes("1x3x3x2");
    for (boolean measured : new boolean[] {true, false}) {
      FakeTflite.runs = 0;
      try (SparseDelegate delegate = SparseDelegate.tuned(options, FakeTflite::new)) {
        SparseDelegate.Tuning tuning = delegate.getTuning();
        check(tuning.isMeasured() == measured && tuning.isSaved(), "measured once, and saved");
        check(tuning.getParts() == 1 && tuning.getPartsTaken() == 1, "the one part is taken");
        check(measured == (tuning.getDefaultMillis() > tuning.getSparseMillis()), "two times");
        check(measured == (FakeTflite.runs > 0), "nothing runs where nothing is measured");
        checkTaken(delegate);
      }
    }
    try (SparseDelegate delegate = new SparseDelegate(options)) {
      check(delegate.getTuning() == null, "nothing was measured");
      checkTaken(delegate);
    }
    check(FakeTflite.opened == 0, "what was opened is closed");
    check(cache.delete(), "the cache is a file");
  }

  private static void checkTaken(SparseDelegate delegate) {
    try (FakeTflite interpreter = new FakeTflite(delegate)) {
      check(!interpreter.isLeft(), "the delegate runs the model");
    }
  }

  private static void checkFailuresOfTheHost() {
    SparseDelegate.Options options = new SparseDelegate.Options();
    String closed = message(() -> SparseDelegate.tuned(options, unused -> new FakeTflite(null)));
    check(closed.contains("without the delegate"), closed);
    check(message(() -> SparseDelegate.tuned(options, d -> null)).contains("open"), "no session");
    SparseDelegate.Host throwing =
        delegate -> {
          throw new IllegalStateException("no model");
        };
    check(message(() -> SparseDelegate.tuned(options, throwing)).equals("no model"), "as thrown");
    SparseDelegate.Host failing =
        delegate ->
            new SparseDelegate.Session() {
              private final FakeTflite interpreter = new FakeTflite(delegate);

              @Override
              public void run() {
                throw new IllegalStateException("no memory");
              }

              @Override
              public void close() {
                interpreter.close();
              }
            };
    check(message(() -> SparseDelegate.tuned(options, failing)).equals("no memory"), "as thrown");
    check(FakeTflite.opened == 0, "closed all the same");
    options.setIsa("abacus");
    check(message(() -> SparseDelegate.tuned(options, FakeTflite::new)).contains("abacus"), "isa");
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
