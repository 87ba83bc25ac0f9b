package com.tfsparse;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * Unpacks archives that {@code tfsparse.pack} has written.
 *
 * <p>An app does so once, when it is installed or has downloaded the archive, and runs the {@code
 * .tflite} file from then on.
 *
 * <pre>{@code
 * File model = new File(getFilesDir(), "model.tflite");
 * if (!model.exists()) PackedModel.unpack(archive, model);
 * }</pre>
 */
public final class PackedModel {
  static {
    System.loadLibrary("tfsparse_delegate");
  }

  private PackedModel() {}

  /**
   * Returns the {@code .tflite} file that an archive holds, as a direct buffer, which an interpreter
   * takes.
   *
   * @param archive from its position to its limit, which stay
   * @throws IllegalArgumentException if it is no archive, or is damaged
   */
  public static ByteBuffer unpack(ByteBuffer archive) {
    ByteBuffer direct = archive.slice();
    if (!direct.isDirect()) {
      direct = ByteBuffer.allocateDirect(archive.remaining());
      direct.put(archive.slice());
    }
    long size = size(direct);
    if (size > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "Expected a file of at most 2 GB, as a buffer holds. Received: " + size + " bytes");
    }
    ByteBuffer file = ByteBuffer.allocateDirect((int) size);
    decode(direct, file);
    return file;
  }

  /**
   * Writes the {@code .tflite} file that an archive holds, completely or not at all.
   *
   * @throws IllegalArgumentException if it is no archive, or is damaged
   * @throws IOException if a file cannot be read or written
   */
  public static void unpack(File archive, File destination) throws IOException {
    ByteBuffer file;
    try (RandomAccessFile packed = new RandomAccessFile(archive, "r")) {
      FileChannel channel = packed.getChannel();
      file = unpack(channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size()));
    }
    File folder = destination.getAbsoluteFile().getParentFile();
    File temporary = File.createTempFile("tfsparse", ".tmp", folder);
    try {
      try (RandomAccessFile written = new RandomAccessFile(temporary, "rw")) {
        while (file.hasRemaining()) {
          written.getChannel().write(file);
        }
        written.getFD().sync();
      }
      if (!temporary.renameTo(destination)) {
        throw new IOException("Cannot write " + destination);
      }
    } finally {
      temporary.delete();
    }
  }

  private static native long size(ByteBuffer archive);

  private static native void decode(ByteBuffer archive, ByteBuffer file);
}
