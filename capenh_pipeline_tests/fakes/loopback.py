"""HTTP on loopback with real sockets: what arrives, what is answered, how it misbehaves."""

import json
import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any, Protocol

DEFAULT_MODEL = "fake-llm"


@dataclass(frozen=True)
class Response:
    """What the server answers; the default is a good completion with `content`.

    Attributes:
        content: the assistant's text; None is sent as `null`.
        body: a JSON value sent in place of a completion.
        raw: bytes sent in place of any JSON.
        message: more fields of the assistant's message, such as `refusal`.
        drop: close the connection without an answer.
        drop_next: answer, and close the connection when the next request arrives on it.
        reset: as `drop`, with a TCP reset.
        drip_s: seconds between the bytes of the body, which is then sent one by one.
    """

    content: str | None = ""
    status: int = 200
    finish_reason: str = "stop"
    headers: Mapping[str, str] = field(default_factory=dict)
    message: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    raw: bytes | None = None
    drop: bool = False
    drop_next: bool = False
    reset: bool = False
    drip_s: float = 0


def error_body(message: str, code: str | None = None) -> dict[str, Any]:
    """Return an error as OpenAI words it."""
    return {"error": {"message": message, "type": "fake_error", "param": None, "code": code}}


NO_SUCH_PAGE = Response(status=404, body=error_body("no such page"))


@dataclass(frozen=True)
class ReceivedRequest:
    """One chat completion that somebody asked for."""

    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def model(self) -> str:
        return self.body["model"]

    @property
    def system_prompt(self) -> str:
        return text_of(self.body, "system")

    @property
    def user_message(self) -> str:
        return text_of(self.body, "user")


class Answers(Protocol):
    """Who decides what is answered; `closing` is set when the server is to stop."""

    closing: Event

    def complete(self, request: ReceivedRequest) -> Response: ...

    def list_models(self, headers: Mapping[str, str]) -> Response: ...


class LoopbackServer(ThreadingHTTPServer):
    """One thread a connection; connections are kept alive until `hang_up`."""

    daemon_threads = False  # closing waits for the handlers, so that none outlives its test
    request_queue_size = 256

    def __init__(self, answers: Answers, port: int) -> None:
        self.answers = answers
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def hang_up(self) -> None:
        """End connections that are kept alive; their handlers wait for a next request."""
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed already
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about clients that hang up: that is what some tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet an answer
    _drops_next = False

    @property
    def _answers(self) -> Answers:
        assert isinstance(self.server, LoopbackServer)
        return self.server.answers

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._send(self._answers.list_models(self._lower_headers()))
        else:
            self._send(NO_SUCH_PAGE)

    def do_POST(self) -> None:
        size = int(self.headers.get("content-length", 0))
        body = self.rfile.read(size)
        if len(body) < size or self._drops_next:  # the client hung up, or it is our turn to
            self.close_connection = True
        elif self.path == "/v1/chat/completions":
            request = ReceivedRequest(json.loads(body), self._lower_headers())
            self._send(self._answers.complete(request))
        else:
            self._send(NO_SUCH_PAGE)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Stay quiet."""

    def _lower_headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _send(self, response: Response) -> None:
        self._drops_next = response.drop_next
        if response.reset:  # closing with nothing to linger for
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        if response.drop or response.reset:
            self.close_connection = True
            return
        content = response.raw if response.raw is not None else _json_bytes(response)
        self.send_response(response.status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        for name, value in {**headers, **response.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self._send_body(content, response.drip_s)

    def _send_body(self, content: bytes, drip_s: float) -> None:
        if not drip_s:
            self.wfile.write(content)
            return
        for index in range(len(content)):
            self.wfile.write(content[index : index + 1])
            self.wfile.flush()
            if self._answers.closing.wait(drip_s):
                return


def _json_bytes(response: Response) -> bytes:
    body = response.body if response.body is not None else _completion(response)
    return json.dumps(body).encode()


def _completion(response: Response) -> dict[str, Any]:
    message = {"role": "assistant", "content": response.content, **response.message}
    choice = {"index": 0, "message": message, "finish_reason": response.finish_reason}
    return {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 0,
        "model": DEFAULT_MODEL,
        "choices": [choice],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }


def texts_of(payload: dict[str, Any], role: str) -> list[str]:
    """Return the texts of the messages of `role`; images in them are left out."""
    contents = [m["content"] for m in payload["messages"] if m["role"] == role]
    return [
        content
        if isinstance(content, str)
        else "\n".join(part["text"] for part in content if part["type"] == "text")
        for content in contents
    ]


def text_of(payload: dict[str, Any], role: str) -> str:
    """Return the text of the last message of `role`."""
    return (texts_of(payload, role) or [""])[-1]
