"""The servers of a run: each request goes to the one with the fewest on their way."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from capenh_pipeline.models.llm_channel import Channel


class Pool:
    """One server, or several of which those that are well share the work.

    Args:
        channels: make the way to each server, given `others_well_at`.
        clock: seconds.
    """

    def __init__(
        self, channels: Sequence[Callable[..., Channel]], *, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self.channels: list[Channel] = []
        for place, make in enumerate(channels):
            well_at = partial(self._others_well_at, place) if len(channels) > 1 else None
            self.channels.append(make(others_well_at=well_at))
        self._last_asked = [0] * len(channels)
        self._asked = 0

    @property
    def was_reached(self) -> bool:
        """Whether any of them ever answered as a server of this protocol does."""
        return any(channel.knowledge.was_reached for channel in self.channels)

    @property
    def has_answered(self) -> bool:
        """Whether any of them ever gave a completion."""
        return any(channel.knowledge.has_answered for channel in self.channels)

    async def choose(self, avoided: Channel | None) -> Channel:
        """Return the server for the next request, as soon as one is well.

        Args:
            avoided: has just failed the row; it is chosen if there is no other.

        Raises:
            ServerError: none can be reached, or the run is over for another reason.
        """
        if len(self.channels) == 1:
            return self.channels[0]
        while not (well := [one for one in self.channels if one.endpoint.is_open]):
            await self._wait_for_any()
        places = [self.channels.index(one) for one in well if one is not avoided or len(well) == 1]
        place = min(places, key=self._load)
        self._asked += 1
        self._last_asked[place] = self._asked
        return self.channels[place]

    def _load(self, place: int) -> tuple[float, int]:
        channel = self.channels[place]
        return channel.outstanding / channel.endpoint.room, self._last_asked[place]

    async def _wait_for_any(self) -> None:
        await self._check_reached()
        waits = [asyncio.create_task(one.endpoint.wait_until_open()) for one in self.channels]
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
        for wait in done:
            wait.result()

    async def _check_reached(self) -> None:
        """Give up if none was ever there: most likely the addresses are wrong."""
        if self.was_reached:
            return
        for one in self.channels:
            await one.endpoint.wait_until_known()
        faults = [fault for one in self.channels if (fault := one.endpoint.fault)]
        if not self.was_reached and len(faults) == len(self.channels):
            raise await self.channels[0].complaint(faults[0])

    def _others_well_at(self, place: int) -> float:
        others = [one for at, one in enumerate(self.channels) if at != place]
        since = [one.endpoint.down_since for one in others]
        return max(self._clock() if at is None else at for at in since)
