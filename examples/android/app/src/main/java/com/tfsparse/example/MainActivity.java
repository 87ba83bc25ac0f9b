package com.tfsparse.example;

import android.app.Activity;
import android.content.res.AssetFileDescriptor;
import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.graphics.Color;
import android.os.Bundle;
import android.widget.ImageView;
import android.widget.LinearLayout;
import android.widget.TextView;
import com.tfsparse.SparseDelegate;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Classifies the bundled picture, and shows how long the dense and the sparse model take. */
public final class MainActivity extends Activity {
  private static final int THREADS = 1;
  private static final int WARM_UP = 10;
  private static final int RUNS = 100;

  private TextView results;

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    results = new TextView(this);
    results.setText(R.string.measuring);
    ImageView picture = new ImageView(this);
    LinearLayout layout = new LinearLayout(this);
    layout.setOrientation(LinearLayout.VERTICAL);
    layout.setPadding(48, 48, 48, 48);
    layout.addView(picture, new LinearLayout.LayoutParams(480, 480));
    layout.addView(results);
    setContentView(layout);
    try {
      Bitmap bitmap = readPicture();
      picture.setImageBitmap(bitmap);
      new Thread(() -> measure(bitmap)).start();
    } catch (IOException error) {
      results.setText(error.toString());
    }
  }

  private void measure(Bitmap bitmap) {
    StringBuilder text = new StringBuilder();
    try {
      List<String> labels = readLabels();
      try (Classifier dense = new Classifier(map("dense.tflite"), THREADS, null)) {
        describe("dense, TFLite", dense, bitmap, labels, text);
      }
      SparseDelegate delegate = new SparseDelegate();
      try (Classifier sparse = new Classifier(map("sparse.tflite"), THREADS, delegate)) {
        describe("sparse, tfsparse", sparse, bitmap, labels, text);
      }
    } catch (IOException | IllegalArgumentException error) {
      text.append(error);
    }
    runOnUiThread(() -> results.setText(text));
  }

  private static void describe(
      String name, Classifier model, Bitmap bitmap, List<String> labels, StringBuilder text) {
    float[][][][] image = pixels(bitmap, model.channels());
    float[] scores = model.classify(image, labels.size());
    int best = 0;
    for (int i = 1; i < scores.length; ++i) {
      if (scores[i] > scores[best]) {
        best = i;
      }
    }
    model.milliseconds(image, labels.size(), WARM_UP);
    double time = model.milliseconds(image, labels.size(), RUNS);
    text.append(
        String.format(
            Locale.US,
            "%s: %s (%.0f %%), %.2f ms\n",
            name,
            labels.get(best),
            100 * scores[best],
            time));
  }

  private Bitmap readPicture() throws IOException {
    try (InputStream stream = getAssets().open("picture.png")) {
      return BitmapFactory.decodeStream(stream);
    }
  }

  /** From 0 to 255, as the models were trained: red, green and blue, or one of them for gray. */
  private static float[][][][] pixels(Bitmap bitmap, int channels) {
    float[][][][] image = new float[1][bitmap.getHeight()][bitmap.getWidth()][channels];
    for (int y = 0; y < bitmap.getHeight(); ++y) {
      for (int x = 0; x < bitmap.getWidth(); ++x) {
        int color = bitmap.getPixel(x, y);
        float[] values = {Color.red(color), Color.green(color), Color.blue(color)};
        System.arraycopy(values, 0, image[0][y][x], 0, channels);
      }
    }
    return image;
  }

  private List<String> readLabels() throws IOException {
    List<String> labels = new ArrayList<>();
    try (BufferedReader reader =
        new BufferedReader(new InputStreamReader(getAssets().open("labels.txt")))) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        labels.add(line);
      }
    }
    return labels;
  }

  private ByteBuffer map(String asset) throws IOException {
    try (AssetFileDescriptor file = getAssets().openFd(asset);
        FileInputStream stream = new FileInputStream(file.getFileDescriptor())) {
      return stream
          .getChannel()
          .map(FileChannel.MapMode.READ_ONLY, file.getStartOffset(), file.getDeclaredLength());
    }
  }
}
