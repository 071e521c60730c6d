"""An LLM server for tests: as much of the OpenAI protocol as the pipeline uses, over real HTTP."""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from capenh_pipeline_tests.fakes.loopback import (
    DEFAULT_MODEL,
    NO_SUCH_PAGE,
    LoopbackServer,
    ReceivedRequest,
    Response,
    error_body,
    texts_of,
)
from capenh_pipeline_tests.processes import PATIENCE_S

_CAPTION = r"<{tag}(?: [^>]*)?>\n(.*?)\n</{tag}>"

Reply = Callable[[dict[str, Any]], str | Response]


def captions_in(payload: dict[str, Any]) -> tuple[str | None, list[str]]:
    """Return the manual caption (or None) and the VLM captions of a chat completion's payload."""
    text = "\n".join(texts_of(payload, "user"))
    manual = re.search(_CAPTION.format(tag="manual_caption"), text, re.DOTALL)
    vlm = re.findall(_CAPTION.format(tag="vlm_caption"), text, re.DOTALL)
    return (manual[1] if manual else None), vlm


def merge_reply(payload: dict[str, Any]) -> str:
    """Answer as a perfect, dull LLM: the manual caption, then the VLM captions."""
    manual, vlm = captions_in(payload)
    return ", ".join([*([manual] if manual else []), *vlm]) or "nothing to merge"


def first_then_merge(*answers: Response) -> Reply:
    """Return a reply that gives each of `answers` once, in order, and merges from then on."""
    remaining = iter(answers)  # next() on a tuple's iterator is atomic

    def reply(payload: dict[str, Any]) -> str | Response:
        answer = next(remaining, None)
        return merge_reply(payload) if answer is None else answer

    return reply


class FakeLlmServer:
    """`with FakeLlmServer() as server:` listens on a free port of 127.0.0.1 until the block ends.

    Args:
        reply: gets the parsed payload of a chat completion, returns the caption or a Response.
        delay_s: how long each completion takes.
        together: the first so many completions are answered when all of them were asked for.
        models: names that are listed and served; another one is a 404. None serves any name
            and has no list (GET /v1/models is a 404).
        api_key: when given, another key is a 401 whose message repeats it.
        model_list: an answer to GET /v1/models in place of the list.
    """

    def __init__(
        self,
        reply: Reply = merge_reply,
        *,
        delay_s: float = 0,
        together: int = 1,
        models: Sequence[str] | None = (DEFAULT_MODEL,),
        api_key: str | None = None,
        model_list: Response | None = None,
        port: int = 0,
    ) -> None:
        self.reply = reply
        self.delay_s = delay_s
        self._together = together
        self._are_together = threading.Event()
        self.models = models
        self.api_key = api_key
        self.model_list = model_list
        self.closing = threading.Event()
        self._port = port
        self._lock = threading.Lock()
        self._requests: list[ReceivedRequest] = []
        self._model_lists = 0
        self._in_flight = 0
        self._max_in_flight = 0

    def __enter__(self) -> Self:
        self._server = LoopbackServer(self, self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._are_together.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The chat completions asked for so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

    @property
    def model_lists(self) -> int:
        """How often GET /v1/models was asked."""
        with self._lock:
            return self._model_lists

    @property
    def max_in_flight(self) -> int:
        """The most chat completions that were being answered at one time."""
        with self._lock:
            return self._max_in_flight

    def complete(self, request: ReceivedRequest) -> Response:
        """Record a chat completion and return its answer."""
        with self._lock:
            self._requests.append(request)
            self._in_flight += 1
            self._max_in_flight = max(self._max_in_flight, self._in_flight)
            if self._in_flight == self._together:
                self._are_together.set()
        try:
            self._are_together.wait(PATIENCE_S)
            self.closing.wait(self.delay_s)
            return self._refusal_of(request.headers, request.model) or self._answer(request.body)
        finally:
            with self._lock:
                self._in_flight -= 1

    def list_models(self, headers: Mapping[str, str]) -> Response:
        """Record a GET /v1/models and return its answer."""
        with self._lock:
            self._model_lists += 1
        if self.model_list is not None:
            return self.model_list
        if self.models is None:
            return NO_SUCH_PAGE
        entries = [{"id": name, "object": "model"} for name in self.models]
        listed = Response(body={"object": "list", "data": entries})
        return self._refusal_of(headers, None) or listed

    def _answer(self, payload: dict[str, Any]) -> Response:
        answer = self.reply(payload)
        return Response(answer) if isinstance(answer, str) else answer

    def _refusal_of(self, headers: Mapping[str, str], model: str | None) -> Response | None:
        key = headers.get("authorization", "").removeprefix("Bearer ")
        if self.api_key is not None and key != self.api_key:
            wrong_key = error_body(f"Incorrect API key provided: {key}.", "invalid_api_key")
            return Response(status=401, body=wrong_key)
        if model is not None and self.models is not None and model not in self.models:
            unknown = error_body(f"The model `{model}` does not exist.", "model_not_found")
            return Response(status=404, body=unknown)
        return None
