"""Runs a page in a headless browser and returns what it found out."""

import contextlib
import dataclasses
import http.server
import json
import mimetypes
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Without requests of its own, and without saving power.
FLAGS = (
    *("--headless", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-background-timer-throttling", "--disable-renderer-backgrounding"),
)
# With these a page has clocks of 5 microseconds, instead of 100, and threads may share memory.
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("text/javascript", ".mjs")


def executable():
    """The path of a browser.

    Raises:
        OSError: None is installed.
    """
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise OSError("no browser: apt-get install chromium")


@dataclasses.dataclass
class Site:
    """What a page may read, at any address of a server that only this machine reaches.

    Attributes:
        files: {address: file, folder, or bytes}. An address of a folder ends with a slash.
        isolated: Whether the server isolates the page from other origins.
    """

    files: Mapping[str, Path | bytes]
    isolated: bool = True

    def find(self, address):
        """The bytes at an address, or None."""
        if address in self.files:
            found = self.files[address]
            return found if isinstance(found, bytes) else Path(found).read_bytes()
        for start, folder in self.files.items():
            if isinstance(folder, bytes) or not start.endswith("/"):
                continue
            if not address.startswith(start):
                continue
            path = (Path(folder) / address.removeprefix(start)).resolve()
            if path.is_relative_to(Path(folder).resolve()) and path.is_file():
                return path.read_bytes()
        return None


def run(script, files, timeout, isolated=True):
    """Runs a module in a page until it posts JSON to `/result`, and returns that.

    Args:
        script: The address of the module.
        files: What it may read, as in `Site`.
        timeout: In seconds.
        isolated: As in `Site`.

    Raises:
        OSError: No browser is installed.
        RuntimeError: The module threw an error, or took too long.
    """
    page = PAGE.replace("SCRIPT", script).encode()
    # The browser may still write to its profile when it has ended.
    profiles = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with serving(Site({"/": page, **files}, isolated)) as server, profiles as profile:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        command = [executable(), *FLAGS, *sandbox, f"--user-data-dir={profile}", server.address]
        with open(Path(profile, "log"), "w") as log:
            browser = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            if not server.has_result.wait(timeout):
                raise RuntimeError(f"the page {script} has no result after {timeout} seconds")
        finally:
            browser.terminate()
            browser.wait()
    if "error" in server.result:
        raise RuntimeError(f"{script}: {server.result['error']}")
    return server.result


# The map is for modules that import LiteRT.js. What fails is a result, too.
PAGE = """<!doctype html>
<meta charset="utf-8">
<script type="importmap">
{"imports": {"@litertjs/core": "/litert/core/dist/index.js",
             "@litertjs/wasm-utils": "/litert/wasm-utils/dist/index.js",
             "tfsparse": "/tfsparse/index.js"}}
</script>
<script type="module">
const post = (result) => fetch("/result", {method: "POST", body: JSON.stringify(result)});
addEventListener("unhandledrejection", (event) => post({error: String(event.reason?.stack)}));
const fail = (error) => post({error: String(error.stack)});
import("SCRIPT").then((script) => script.main()).then(post, fail);
</script>
"""


@contextlib.contextmanager
def serving(site):
    """A server of a `Site` on this machine, with its `address`, until the end."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = site.find(self.path)
            self._answer(404 if body is None else 200, body or b"")

        def do_POST(self):
            self.server.result = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(200, b"")
            self.server.has_result.set()

        def _answer(self, status, body):
            self.send_response(status)
            name = "index.html" if self.path.endswith("/") else self.path
            self.send_header("Content-Type", mimetypes.guess_type(name)[0] or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            for header, value in (ISOLATION if site.isolated else {}).items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.result, server.has_result = None, threading.Event()
    server.address = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
