"""Time that passes only when somebody sleeps."""

import asyncio

from capenh_pipeline.models.llm_surroundings import Surroundings


class FakeTime:
    """A clock that each sleep moves on; `surroundings()` are those of an LLM session in it."""

    def __init__(self, *, spread: float = 0.5) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._spread = spread

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)

    def surroundings(self, *, has_aiohttp: bool = False) -> Surroundings:
        return Surroundings(self.clock, self.sleep, lambda: self._spread, has_aiohttp)
