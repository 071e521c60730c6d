"""A real browser without a window: Debian's chromium, driven by its DevTools protocol."""

import base64
import itertools
import json
import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

import pytest
from websockets.sync.client import connect

from capenh_pipeline_tests.processes import PATIENCE_S, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
"""Marks the tests that look at a page."""

_FLAGS = [
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # the network is not there
]
_NOT_ALLOWED = ("error", "warning", "assert")
_PLACE = """(async text => {
  const says = e => e.checkVisibility() && e.innerText?.trim() === text;
  const place = () => {
    for (const found of [...document.querySelectorAll('body *')].filter(says).reverse()) {
      found.scrollIntoView({block: 'center'});
      const box = found.getBoundingClientRect();
      const middle = [box.x + box.width / 2, box.y + box.height / 2];
      const hit = document.elementFromPoint(...middle);
      if (hit && (found.contains(hit) || says(hit))) return middle;
    }
  };
  const before = place();  // a menu that opens, or a list that scrolls, is still on its way
  await new Promise(done => setTimeout(done, 100));
  return String(place()) === String(before) ? before : undefined;
})(%s)"""


class Browser:
    """`with Browser() as browser:` has one page; what it complains about is in `complaints`.

    Attributes:
        complaints: errors and warnings of the console, and exceptions that nobody caught.
        asked_for: the addresses that were loaded, but those of data within a page.
    """

    def __enter__(self) -> Self:
        self.complaints: list[str] = []
        self.asked_for: list[str] = []
        self._numbers = itertools.count(1)
        with ExitStack() as stack:
            folder = TemporaryDirectory(ignore_cleanup_errors=True)
            address = _started(Path(stack.enter_context(folder)), stack)
            # no pings: what it says is read only when something is asked
            talk = connect(address, max_size=None, proxy=None, close_timeout=1, ping_interval=None)
            self._socket = stack.enter_context(talk)
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.ask(f"{domain}.enable")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def open(self, page: Path, *, after: str = "") -> None:
        """Load a file from disk, and wait until it has done so."""
        self.visit(page.as_uri() + after)

    def visit(self, address: str) -> None:
        """Load a page, and wait until it has done so."""
        self.complaints.clear()
        self.asked_for.clear()
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.protocol !== 'about:'")

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression, awaited."""
        given = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = self.ask("Runtime.evaluate", **given)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Return as soon as a JavaScript expression is true."""
        wait_until(lambda: self.run(condition))

    def wait_for(self, *texts: str) -> None:
        """Return as soon as the page shows all of these texts."""
        self.wait(f"{json.dumps(texts)}.every(text => document.body.innerText.includes(text))")

    def click(self, text: str) -> None:
        """Click on what says just this, once it is there, stands still and nothing covers it."""
        found: list[list[float]] = []
        wait_until(lambda: found.append(self.run(_PLACE % json.dumps(text))) or found[-1])
        x, y = found[-1]
        for kind in ("mousePressed", "mouseReleased"):
            given = {"x": x, "y": y, "button": "left", "clickCount": 1}
            self.ask("Input.dispatchMouseEvent", type=kind, **given)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        text = {"text": key} if len(key) == 1 else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key)

    def resize(self, width: int, height: int, *, is_dark: bool = False) -> None:
        """Make the window that large, in a light or a dark theme."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        theme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[theme])

    def screenshot(self, path: Path) -> None:
        """Save what the window shows, as PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def ask(self, method: str, **given: Any) -> dict[str, Any]:
        """Return the answer to one message of the protocol; events before it are noted."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            message = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._note(message.get("method"), message.get("params", {}))

    def _note(self, event: str | None, told: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told))
        if event == "Runtime.consoleAPICalled" and told["type"] in _NOT_ALLOWED:
            self.complaints.append(json.dumps(told["args"]))
        if event == "Log.entryAdded" and told["entry"]["level"] in _NOT_ALLOWED:
            self.complaints.append(told["entry"]["text"] + " " + told["entry"].get("url", ""))
        if event == "Network.requestWillBeSent" and not told["request"]["url"].startswith("data:"):
            self.asked_for.append(told["request"]["url"])


def _started(folder: Path, stack: ExitStack) -> str:
    """Start a browser that ends with `stack`, and return the address of its page."""
    words = [str(CHROMIUM), *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
    if os.geteuid() == 0:
        words.insert(1, "--no-sandbox")  # it refuses to be root with one
    process = subprocess.Popen(  # noqa: S603  # a browser of the system
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stack.callback(_end, process)
    note = folder / "DevToolsActivePort"

    def is_there() -> bool:
        assert process.poll() is None, "chromium has ended"
        return note.exists() and "\n" in note.read_text()

    wait_until(is_there)
    with urlopen(
        f"http://127.0.0.1:{note.read_text().split()[0]}/json/list", timeout=PATIENCE_S
    ) as answer:
        pages = [page for page in json.load(answer) if page["type"] == "page"]
    return pages[0]["webSocketDebuggerUrl"]


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
