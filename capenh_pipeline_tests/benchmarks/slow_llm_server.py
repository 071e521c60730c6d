"""An LLM server that takes its time and next to no CPU, as a process of its own.

`python -m capenh_pipeline_tests.benchmarks.slow_llm_server SECONDS` prints its port and answers
every POST after so many seconds with the text of its last message.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Generator

from capenh_pipeline_tests.fakes.loopback import text_of

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@contextlib.contextmanager
def slow_llm_server(latency_s: float) -> Generator[str]:
    """Yield the address of a server that takes `latency_s` for every answer."""
    command = [sys.executable, "-m", __name__, str(latency_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
        finally:
            process.terminate()


class _Connection(asyncio.Protocol):
    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._received = bytearray()
        self._expected = 0  # bytes of the request, 0 until its head is there

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._expected:
            head, end, _ = self._received.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            self._expected = len(end) and len(head + end) + (int(length[1]) if length else 0)
        if not self._expected or len(self._received) < self._expected:
            return
        body = self._received.partition(b"\r\n\r\n")[2]
        self._received, self._expected = bytearray(), 0
        answer = _answer(json.loads(body)) if body else b'{"object": "list", "data": []}'
        asyncio.get_running_loop().call_later(self._latency_s, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(_HEAD % len(answer) + answer)


def _answer(payload: dict) -> bytes:
    text = re.sub(r"<[^>]*>", "", text_of(payload, "user"))
    message = {"role": "assistant", "content": " ".join(text.split())}
    return json.dumps(
        {
            "id": "chatcmpl-0",
            "object": "chat.completion",
            "created": 0,
            "model": payload["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 300, "completion_tokens": 60, "total_tokens": 360},
        }
    ).encode()


async def _serve(latency_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(latency_s), "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(float(sys.argv[1])))
