"""Changes of a session as an asynchronous iterator, for those who wait for several things at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from prescreen.session.model import Change

Listen = Callable[[Callable[[Change], None]], Callable[[], None]]


class Stream(AsyncIterator[Change]):
    """Every change from now on, until `close`; made on the loop that waits for them.

    Events may be taken on any thread. Changes that nobody has come to wait for yet are held.
    """

    def __init__(self, listen: Listen) -> None:
        self._loop = asyncio.get_running_loop()
        self._held: asyncio.Queue[Change | None] = asyncio.Queue()
        self._end = listen(lambda change: self._put(change))

    async def __anext__(self) -> Change:
        change = await self._held.get()
        if change is None:
            self._held.put_nowait(None)  # for whoever else waits
            raise StopAsyncIteration
        return change

    def close(self) -> None:
        """Listen no longer; what is held is still given."""
        end, self._end = self._end, _nothing
        end()
        self._put(None)

    def _put(self, change: Change | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._held.put_nowait, change)


def _nothing() -> None:
    pass
