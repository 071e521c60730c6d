"""As much of the Hugging Face hub as a download needs, over real HTTP on loopback."""

import hashlib
import re
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

_FILE = re.compile(r"/(?P<hub_id>[\w-]+/[\w-]+)/resolve/(?P<revision>\w+)/(?P<name>.+)")

Files = Mapping[str, bytes]


class Refusal(NamedTuple):
    """A status and the hub's own word for it."""

    status: int
    code: str


CLOSED = Refusal(403, "GatedRepo")
ABSENT = Refusal(401, "RepoNotFound")
BROKEN = Refusal(503, "")
_NO_REVISION = Refusal(404, "RevisionNotFound")
_NO_FILE = Refusal(404, "EntryNotFound")


class FakeHub:
    """`with FakeHub() as hub:` listens on a free port of 127.0.0.1 until the block ends.

    Attributes:
        requests: of files, as `METHOD /path`, in order of arrival.
        refusals: hub ids that are answered so, whatever is asked about them.
        token: who brings no such token is told that there is no model; None asks for none.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.refusals: dict[str, Refusal] = {}
        self.token: str | None = None
        self._commits: dict[tuple[str, str], Files] = {}
        self._branches: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def push(self, hub_id: str, files: Files, *, branch: str = "main") -> str:
        """Make `files` the newest commit of a branch and return it, 40 hex digits."""
        content = b"".join(name.encode() + files[name] for name in sorted(files))
        commit = hashlib.sha1(hub_id.encode() + content, usedforsecurity=False).hexdigest()
        self._commits[hub_id, commit] = files
        self._branches[hub_id, branch] = commit
        return commit

    def find(self, path: str, token: str | None) -> tuple[str, bytes] | Refusal:
        """Return the commit and the content that a path of the hub stands for."""
        found = _FILE.fullmatch(path)
        if not found:
            return _NO_FILE
        if self.token and token != f"Bearer {self.token}":
            return ABSENT
        hub_id, revision, name = found.groups()
        if hub_id in self.refusals:
            return self.refusals[hub_id]
        commit = self._branches.get((hub_id, revision), revision)
        files = self._commits.get((hub_id, commit))
        if files is None:
            return _NO_REVISION if any(hub_id == known for known, _ in self._commits) else ABSENT
        return (commit, files[name]) if name in files else _NO_FILE


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of a checkpoint, to be pushed."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the handlers, so that none outlives its test

    def __init__(self, hub: FakeHub) -> None:
        self.hub = hub
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One request a connection (HTTP/1.0), so that closing the hub waits for nobody."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Stay quiet."""

    def _answer(self) -> bytes:
        assert isinstance(self.server, _Server)
        hub = self.server.hub
        if _FILE.fullmatch(self.path):  # the client asks for more than files, once a day
            hub.requests.append(f"{self.command} {self.path}")
        found = hub.find(self.path, self.headers["authorization"])
        if isinstance(found, Refusal):
            self.send_response(found.status)
            self.send_header("X-Error-Code", found.code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return b""
        commit, content = found
        self.send_response(200)
        self.send_header("X-Repo-Commit", commit)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content
