"""Sharing: requests that read the same at the same time get one answer, worked out once.

What is here: `Sharing`. What is not: which requests read the same, which `serve` says by a key. An answer that is being
worked out may not know of what happened since, so whoever comes meanwhile waits for the next one, which begins when
this one is done and is shared by all who have come until then. Hence nobody gets an answer that began before they
asked, and however many ask for the same, two answers are under way or waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class _Turn(Generic[T]):
    """Tells somebody who waited that it is up to them, and who waits with them."""

    others: list[asyncio.Future[T | _Turn[T]]]


class Sharing(Generic[T]):
    """Work under way by key, and who waits for the next turn of it."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[asyncio.Future[T | _Turn[T]]]] = {}

    async def answer(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Return what `work` returns, done by this call or by another one for the same key that began after it.

        Raises what `work` raises, to everybody who shares it.
        """
        queue = self._waiting.get(key)
        if queue is None:
            self._waiting[key] = []
            return await self._carry_out(key, work, [])
        mine: asyncio.Future[T | _Turn[T]] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        try:
            told = await mine
        except asyncio.CancelledError:
            self._decline(key, mine)
            raise
        return await self._carry_out(key, work, told.others) if isinstance(told, _Turn) else told

    async def _carry_out(
        self, key: Hashable, work: Callable[[], Awaitable[T]], others: list[asyncio.Future[T | _Turn[T]]]
    ) -> T:
        try:
            result = await work()
        except asyncio.CancelledError:
            # Only the request of this caller has ended: another one takes the work over, with everybody who waits.
            self._next_turn(key, others)
            raise
        except Exception as error:
            for one in _still_waiting(others):
                one.set_exception(error)
            self._next_turn(key, [])
            raise
        for one in _still_waiting(others):
            one.set_result(result)
        self._next_turn(key, [])
        return result

    def _next_turn(self, key: Hashable, others: list[asyncio.Future[T | _Turn[T]]]) -> None:
        waiting = _still_waiting(others + self._waiting[key])
        if waiting:
            self._waiting[key] = []
            waiting[0].set_result(_Turn(waiting[1:]))
        else:
            del self._waiting[key]

    def _decline(self, key: Hashable, mine: asyncio.Future[T | _Turn[T]]) -> None:
        """Pass a turn on that came just as its request ended."""
        if mine.done() and not mine.cancelled() and mine.exception() is None:
            told = mine.result()
            if isinstance(told, _Turn):
                self._next_turn(key, told.others)


def _still_waiting(futures: list[asyncio.Future[T]]) -> list[asyncio.Future[T]]:
    return [one for one in futures if not one.done()]
