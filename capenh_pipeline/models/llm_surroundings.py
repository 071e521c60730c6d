"""What a conversation with a server takes from the machine: time, chance, installed packages."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Surroundings:
    """The effects that tests replace.

    Attributes:
        clock: seconds since whenever, never backwards.
        sleep: waits so many seconds.
        spread: a random number from 0 to 1, so that what failed together does not return together.
        has_aiohttp: whether HTTP is spoken by aiohttp, which takes less CPU than httpx.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    spread: Callable[[], float] = random.random
    has_aiohttp: bool = find_spec("aiohttp") is not None

    def backoff_s(self, first_s: float, *, attempt: int) -> float:
        """Return the seconds to wait after a failed try: full jitter below a limit that doubles.

        Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

        Args:
            first_s: limit of the first pause.
            attempt: number of the try, from 1.
        """
        return self.spread() * min(MAX_BACKOFF_S, first_s * 2 ** min(attempt - 1, 32))


MAX_BACKOFF_S = 30.0
REAL = Surroundings()
