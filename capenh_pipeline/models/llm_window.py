"""How many requests may be at a server at once: fewer after it was overrun, then more again."""

import asyncio
from collections import deque


class Window:
    """A limit of requests in flight that shrinks and grows.

    It grows by one with each good answer, which doubles it each time the server has answered all
    (TCP's slow start: RFC 5681, 3.1).
    """

    def __init__(self, most: int) -> None:
        self._most = self._size = most
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Return when there is room; `leave` must follow."""
        while self._inside >= self._size:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._inside += 1

    def leave(self) -> None:
        """Make room."""
        self._inside -= 1
        self._let_in()

    def halve(self) -> None:
        """Let half as many in: the server said that they were too many."""
        self._size = max(1, self._size // 2)

    def shrink(self) -> None:
        """Let one in: the server comes back."""
        self._size = 1

    def widen(self) -> None:
        """Let one more in: the server answered well."""
        if self._size < self._most:
            self._size += 1
            self._let_in()

    def _let_in(self) -> None:
        for _ in range(min(self._size - self._inside, len(self._waiting))):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
