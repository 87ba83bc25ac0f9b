"""The example app: its models are made, and its Java compiles, against stand-ins for Android."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import tfsparse
from delegate.packaging.android import aar

APP = Path(__file__).parents[2] / "examples" / "android"
# What the app uses of Android and of TFLite, with the signatures of their documentation.
STAND_INS = {
    "android.app.Activity": """class Activity {
        protected void onCreate(android.os.Bundle state) {}
        public void setContentView(android.view.View view) {}
        public final void runOnUiThread(Runnable action) {}
        public android.content.res.AssetManager getAssets() { return null; } }""",
    "android.content.res.AssetManager": """final class AssetManager {
        public java.io.InputStream open(String name) throws java.io.IOException { return null; }
        public AssetFileDescriptor openFd(String name) throws java.io.IOException { return null; }
        }""",
    "android.content.res.AssetFileDescriptor": """class AssetFileDescriptor
        implements java.io.Closeable {
        public java.io.FileDescriptor getFileDescriptor() { return null; }
        public long getStartOffset() { return 0; }
        public long getDeclaredLength() { return 0; }
        public void close() throws java.io.IOException {} }""",
    "android.graphics.Bitmap": """final class Bitmap {
        public int getHeight() { return 0; }
        public int getWidth() { return 0; }
        public int getPixel(int x, int y) { return 0; } }""",
    "android.graphics.BitmapFactory": """class BitmapFactory {
        public static Bitmap decodeStream(java.io.InputStream stream) { return null; } }""",
    "android.graphics.Color": """class Color {
        public static int red(int color) { return 0; }
        public static int green(int color) { return 0; }
        public static int blue(int color) { return 0; } }""",
    "android.os.Bundle": "final class Bundle {}",
    "android.view.View": """class View {
        public void setPadding(int left, int top, int right, int bottom) {} }""",
    "android.view.ViewGroup": """abstract class ViewGroup extends View {
        public static class LayoutParams {}
        public void addView(View view) {}
        public void addView(View view, LayoutParams params) {} }""",
    "android.widget.ImageView": """class ImageView extends android.view.View {
        public ImageView(android.app.Activity context) {}
        public void setImageBitmap(android.graphics.Bitmap bitmap) {} }""",
    "android.widget.LinearLayout": """class LinearLayout extends android.view.ViewGroup {
        public static final int VERTICAL = 1;
        public LinearLayout(android.app.Activity context) {}
        public void setOrientation(int orientation) {}
        public static class LayoutParams extends android.view.ViewGroup.LayoutParams {
        public LayoutParams(int width, int height) {} } }""",
    "android.widget.TextView": """class TextView extends android.view.View {
        public TextView(android.app.Activity context) {}
        public final void setText(int id) {}
        public final void setText(CharSequence text) {} }""",
    "com.tfsparse.example.R": """final class R {
        public static final class string { public static final int measuring = 0; } }""",
    "org.tensorflow.lite.Tensor": "interface Tensor { int[] shape(); }",
    "org.tensorflow.lite.Interpreter": """final class Interpreter implements AutoCloseable {
        public static class Options {
        public Options setNumThreads(int threads) { return this; }
        public Options addDelegate(Delegate delegate) { return this; } }
        public Interpreter(java.nio.ByteBuffer model, Options options) {}
        public void run(Object input, Object output) {}
        public Tensor getInputTensor(int index) { return null; }
        public void close() {} }""",
}


@pytest.mark.skipif(shutil.which("javac") is None, reason="apt-get install default-jdk-headless")
def test_the_java_compiles(tmp_path):
    for name, text in STAND_INS.items():
        path = tmp_path / f"{name.replace('.', '/')}.java"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"package {name.rpartition('.')[0]};\npublic {text}\n")
    folders = [tmp_path, aar.ANDROID / "stubs", aar.ANDROID / "java", APP / "app/src/main/java"]
    result = subprocess.run(
        [
            *("javac", "--release", "8", "-Xlint:all,-options", "-Werror"),
            *("-implicit:none", "-proc:none", "-d", tmp_path / "classes"),
            *("-sourcepath", ":".join(map(str, folders))),
            APP / "app/src/main/java/com/tfsparse/example/MainActivity.java",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_the_models_are_made(tmp_path):
    arguments = ("--epochs=1", "--size=16", "--width=0.25", f"--output_dir={tmp_path}")
    subprocess.run([sys.executable, APP / "make_models.py", *arguments], check=True)
    labels = (tmp_path / "labels.txt").read_text().splitlines()
    with Image.open(tmp_path / "picture.png") as picture:
        size = picture.size
    for name in ("dense.tflite", "sparse.tflite"):
        interpreter = tfsparse.Interpreter(tmp_path / name)
        assert list(interpreter.get_input_details()[0]["shape"]) == [1, *size, 1]
        assert list(interpreter.get_output_details()[0]["shape"]) == [1, len(labels)]
