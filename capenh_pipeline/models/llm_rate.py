"""Limits of requests and tokens a minute, held by all processes on this machine together.

The generic cell rate algorithm, as virtual scheduling without tolerance (ITU-T I.371, annex A): all
that is known is the time of the next turn. A request takes it and moves it on by its cost, the time
in which the stricter limit allows as much, so that no minute holds more than either limit.
"""

import asyncio
import contextlib
import hashlib
import operator
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from capenh_pipeline.domain.costs import CHARACTERS_A_TOKEN
from capenh_pipeline.errors import ConfigurationError
from capenh_pipeline.models.llm_protocol import Completion, LlmSettings

FIRST_ANSWER_TOKENS = 100
IMAGE_TOKENS = 1000
"""What an image is guessed to be: of one megapixel models make 700 (OpenAI) to 1,400 (Qwen)."""

_LOCK_POLL_S, _LOCK_TIMEOUT_S = 0.005, 1.0
_FARTHEST_S = 3600.0  # a turn later than this is from a clock that was wrong


class RateLimit:
    """When the next request may go to a server.

    Args:
        where: the server's address, without any secret.
        settings: `requests_per_minute` and `tokens_per_minute`; None is no limit.
        folder: where the processes of one user keep the next turn; None is the usual one.
        clock: seconds since 1970, as all processes see them.
    """

    def __init__(
        self,
        where: str,
        settings: LlmSettings,
        *,
        folder: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        limits = (settings.requests_per_minute, settings.tokens_per_minute)
        self._intervals_s = tuple(60 / limit if limit else 0.0 for limit in limits)
        self._turns = Turns(where, folder or turns_folder()) if any(limits) else None
        self._clock = clock
        self._answers = self._answer_tokens = 0
        self._longest = settings.max_tokens
        self._owed_tokens = 0
        self._line = asyncio.Lock()

    def estimate(self, messages: Sequence[Mapping[str, Any]]) -> int:
        """Return the tokens that a request will most likely cost, its answer included."""
        if self._turns is None:
            return 0
        mean = self._answer_tokens / self._answers if self._answers else FIRST_ANSWER_TOKENS
        read = sum(map(_tokens, messages))
        return read + int(min(mean, self._longest))

    def correct(self, estimate: int, completion: Completion) -> None:
        """Take note of what a request cost; the difference is settled with the next one."""
        cost = completion.prompt_tokens + completion.completion_tokens
        if self._turns is None or cost == 0:
            return
        self._answers += 1
        self._answer_tokens += completion.completion_tokens
        self._owed_tokens += cost - estimate

    async def wait(self, tokens: int, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Return when a request of so many tokens may go.

        One request of a process waits for its turn, the others for that one: when a process ends,
        the next one does not have to wait for the turns of requests that are never sent.
        """
        if self._turns is None:
            return
        async with self._line:
            units = (1, max(0, tokens + self._owed_tokens))
            self._owed_tokens = min(0, tokens + self._owed_tokens)
            cost_s = max(map(operator.mul, self._intervals_s, units))
            wait_s = await _take(self._turns, cost_s, self._clock)
            if wait_s > 0:
                await sleep(wait_s)


def _tokens(message: Mapping[str, Any]) -> int:
    """Return the tokens that a message most likely is."""
    content = message["content"]
    if isinstance(content, str):
        return len(content) // CHARACTERS_A_TOKEN
    return sum(
        len(part["text"]) // CHARACTERS_A_TOKEN if part["type"] == "text" else IMAGE_TOKENS
        for part in content
    )


class Turns:
    """The time of the next turn, in a file under a lock."""

    def __init__(self, where: str, folder: Path) -> None:
        name = hashlib.sha256(where.encode()).hexdigest()[:32]
        self._path = folder / f"{name}.turn"
        self._lock = FileLock(
            folder / f"{name}.lock",
            timeout=_LOCK_TIMEOUT_S,
            mode=0o600,
            poll_interval=_LOCK_POLL_S,
        )

    def take(self, cost_s: float, clock: Callable[[], float]) -> float:
        """Take the next turn and return how many seconds away it is.

        Args:
            cost_s: how much later the turn after it is.
            clock: seconds since 1970.

        Raises:
            Timeout: another process keeps the file to itself; most likely somebody stopped it.
        """
        with self._lock:
            now = clock()
            turn = max(now, self._read(now))
            self._path.touch(mode=0o600)
            self._path.write_text(str(turn + cost_s))
        return turn - now

    def _read(self, now: float) -> float:
        """Return what the file says, `now` if that cannot be."""
        try:
            turn = float(self._path.read_bytes())
        except (OSError, ValueError):
            return now
        return turn if turn <= now + _FARTHEST_S else now


async def _take(turns: Turns, cost_s: float, clock: Callable[[], float]) -> float:
    """Take the next turn; a run that is interrupted waits for a lock no longer than its timeout."""
    while True:
        with contextlib.suppress(Timeout):
            return await asyncio.to_thread(turns.take, cost_s, clock)


def turns_folder() -> Path:
    """Return the folder of this user for what processes share for as long as they run.

    Raises:
        ConfigurationError: somebody else made a folder of this name.
    """
    user: Any = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"capenh-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
        raise ConfigurationError(
            f"{folder} belongs to somebody else: set TMPDIR to another folder."
        )
    return folder
