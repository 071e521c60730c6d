"""A proxy before a server that fails now and then, as servers far away do."""

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

FORBIDDEN = "403"
SLOW_DOWN, CUT, LOST_ANSWER, REFUSED = "503", "cut", "lost answer", "refused"
FAULTS = (SLOW_DOWN, CUT, LOST_ANSWER, REFUSED)
STALLED, STALL_S = "stalled", 40
"""Busy; an answer that ends in its middle; a request that is carried out and not answered; one
that is neither. One that is carried out and answered too late takes long, so it is by itself."""

_BUSY = (
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code>'
    b"<Message>Please reduce your request rate.</Message></Error>"
)
_DENIED = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>No.</Message></Error>'


class Plan:
    """Which of the requests that come fail, and how; counts what was done.

    `fault_of` is given the number of the request and its method; `asked` has what was asked for,
    each as `METHOD /path`, without the query.
    """

    def __init__(self, fault_of: Callable[[int, str], str | None]) -> None:
        self.fault_of = fault_of
        self.done: Counter[str] = Counter()
        self.asked: list[str] = []
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    def next_fault(self, method: str, path: str) -> str | None:
        with self._lock:
            self.asked.append(f"{method} {unquote(urlsplit(path).path)}")
            fault = self.fault_of(next(self._numbers), method)
            self.done[fault or "well"] += 1
            return fault


@contextmanager
def faulty(upstream: str) -> Generator[tuple[str, Plan]]:
    """Yield the address of a proxy before `upstream`, and its plan, in which nothing fails yet."""
    plan = Plan(lambda _number, _method: None)
    handler = type("Handler", (_Handler,), {"upstream": urlsplit(upstream).netloc, "plan": plan})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", plan
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    upstream: str
    plan: Plan
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes, and 40 ms would be between them

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.plan.next_fault(self.command, self.path)
        if fault == REFUSED:
            self.close_connection = True
            return
        if fault in (SLOW_DOWN, FORBIDDEN):
            content = _BUSY if fault == SLOW_DOWN else _DENIED
            self._send(int(fault), {"Content-Type": "application/xml"}, content)
            return
        connection = http.client.HTTPConnection(self.upstream)
        connection.request(self.command, self.path, body, dict(self.headers))
        found = connection.getresponse()
        content = found.read()
        connection.close()
        if fault == STALLED:
            time.sleep(STALL_S)
        if fault in (LOST_ANSWER, STALLED):
            self.close_connection = True
            return
        headers = {name: value for name, value in found.getheaders() if _passes(name, self.command)}
        self._send(found.status, headers, content, is_cut=fault == CUT)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815  # as the library has it

    def _send(
        self, status: int, headers: dict[str, str], content: bytes, *, is_cut: bool = False
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if is_cut else content)
        self.close_connection = self.close_connection or is_cut

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _passes(name: str, method: str) -> bool:
    own = ("transfer-encoding", "connection") + (() if method == "HEAD" else ("content-length",))
    return name.lower() not in own
