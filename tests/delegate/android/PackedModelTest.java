import com.tfsparse.PackedModel;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Arrays;

/** An app's use of packed files, on a desktop JVM: PackedModelTest ARCHIVE DESTINATION. */
final class PackedModelTest {
  public static void main(String[] arguments) throws IOException {
    File archive = new File(arguments[0]);
    File destination = new File(arguments[1]);
    byte[] packed = Files.readAllBytes(archive.toPath());

    packed[packed.length / 2] ^= 1;
    File damaged = File.createTempFile("damaged", ".pack", destination.getParentFile());
    Files.write(damaged.toPath(), packed);
    int files = destination.getParentFile().list().length;
    check(message(() -> PackedModel.unpack(damaged, destination)).contains("damaged"), "damage");
    check(destination.getParentFile().list().length == files, "nothing was written");
    packed[packed.length / 2] ^= 1;

    PackedModel.unpack(archive, destination);
    ByteBuffer file = PackedModel.unpack(ByteBuffer.wrap(packed));
    byte[] unpacked = new byte[file.remaining()];
    file.get(unpacked);
    check(Arrays.equals(unpacked, Files.readAllBytes(destination.toPath())), "the same file");
    check(message(() -> PackedModel.unpack(ByteBuffer.allocate(0))).contains("TFSPACK1"), "none");
  }

  private interface Action {
    void run() throws IOException;
  }

  private static String message(Action action) throws IOException {
    try {
      action.run();
    } catch (IllegalArgumentException e) {
      return e.getMessage();
    }
    return "no exception";
  }

  private static void check(boolean passed, String what) {
    if (!passed) {
      throw new AssertionError(what);
    }
  }
}
