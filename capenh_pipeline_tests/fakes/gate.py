"""An LLM that stops in the midst of a run, so that a test can do something to the run there."""

import threading
from typing import Any

from capenh_pipeline_tests.fakes.llm_server import Reply, Response, merge_reply
from capenh_pipeline_tests.processes import PATIENCE_S


class Gate:
    """A reply for `FakeLlmServer`: passes so many requests and holds the next until `opened`.

    Attributes:
        reached: set when a request is held.
        opened: to be set by the test.
    """

    def __init__(self, passed: int, *, reply: Reply = merge_reply) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._passed = passed
        self._reply = reply
        self._lock = threading.Lock()
        self._seen = 0

    def __call__(self, payload: dict[str, Any]) -> str | Response:
        with self._lock:
            self._seen += 1
            is_held = self._seen == self._passed + 1
        if is_held:
            self.reached.set()
            self.opened.wait(PATIENCE_S)
        return self._reply(payload)
