"""How many requests may be at a server at once: fewer after it was overrun, then more again."""

import asyncio
from collections import deque


class Window:
    """A limit of requests in flight that shrinks and grows.

    It grows by one with each good answer, which doubles it each time the server has answered all
    (TCP's slow start: RFC 5681, 3.1).

    Args:
        most: the limit of the limit.

    Attributes:
        size: the limit now.
    """

    def __init__(self, most: int) -> None:
        self._most = self.size = most
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Return when there is room; `leave` must follow."""
        while self._inside >= self.size:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._let_in()  # somebody else, if it was our turn
                raise
        self._inside += 1

    def leave(self) -> None:
        """Make room."""
        self._inside -= 1
        self._let_in()

    def halve(self) -> None:
        """Let half as many in: the server said that they were too many."""
        self.size = max(1, self.size // 2)

    def shrink(self) -> None:
        """Let one in: the server comes back."""
        self.size = 1

    def widen(self) -> None:
        """Let one more in: the server answered well."""
        if self.size < self._most:
            self.size += 1
            self._let_in()

    def _let_in(self) -> None:
        room = self.size - self._inside
        while room > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else it was cancelled
                turn.set_result(None)
                room -= 1
