"""Rate limits: fixed windows of a second, a minute and a day, per account and operation.

What is here: gathering the requests of one process, and the headers that tell of the windows. What is not: the tiers,
which stand in the rows, and the counting, which the database does for all processes (`storage.rate_windows`). Follows
reference 7.5. Our choice: while the database is away nobody is let in, because a limit that lets everybody in then is
none, and no operation could be carried out without the database anyway: the answer is a 503.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from headrace.clock import Clock
from headrace.errors import Throttled
from headrace.jsonapi.operation import Operation, Tier
from headrace.jsonapi.query import Pairs
from headrace.storage.database import Database
from headrace.storage.rate_windows import Granted, Key, Wanted, take

SECOND, MINUTE, DAY = 1, 60, 86_400

Headers = Mapping[str, str]


@dataclass(slots=True)
class _Queue:
    """The requests of one key that wait to be let in."""

    limits: Mapping[int, int]
    waiting: list[asyncio.Future[Headers]] = field(default_factory=list)


class RateLimiter:
    """Counts requests and refuses those beyond an operation's tier.

    Whatever arrives while one statement is under way shares the next: under load a request costs far less than a
    statement of its own.
    """

    __slots__ = ("_clock", "_database", "_queues", "_writer")

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._queues: dict[Key, _Queue] = {}
        self._writer: asyncio.Task[None] | None = None

    async def admit(self, account_id: str, operation: Operation, asked: Pairs = ()) -> Headers:
        """Count a request and return the headers that tell of the minute's window; raises `Throttled`.

        `asked` are the query parameters. Requests that ask for something costly are counted apart from the others. A
        refused request counts nothing. Raises what the database raises when it cannot be asked.
        """
        tier = tier_of(operation, asked)
        name = operation.id if tier == operation.tier else f"{operation.id} {tier.burst}/{tier.steady}"
        queue = self._queues.setdefault((account_id, name), _Queue(limits_of(tier)))
        turn: asyncio.Future[Headers] = asyncio.get_running_loop().create_future()
        queue.waiting.append(turn)
        if self._writer is None:
            self._writer = asyncio.create_task(self._count())
        return await turn

    async def _count(self) -> None:
        try:
            # One turn of the loop, so that requests that came in the same turn share the first statement.
            await asyncio.sleep(0)
            while self._queues:
                queues, self._queues = self._queues, {}
                try:
                    await self._settle(queues)
                except Exception as error:
                    for queue in queues.values():
                        _answer(queue.waiting, [error] * len(queue.waiting))
        finally:
            self._writer = None

    async def _settle(self, queues: Mapping[Key, _Queue]) -> None:
        now = self._clock.now()
        wanted = {key: Wanted(len(queue.waiting), queue.limits) for key, queue in queues.items()}
        for key, granted in (await take(self._database, wanted, now)).items():
            queue = queues[key]
            _answer(queue.waiting, _answers(len(queue.waiting), queue.limits, granted, now.timestamp()))


def _answer(waiting: Sequence[asyncio.Future[Headers]], answers: Sequence[Headers | Exception]) -> None:
    """Give everybody their answer; somebody may have gone away meanwhile."""
    for turn, answer in zip(waiting, answers, strict=True):
        if turn.done():
            continue
        if isinstance(answer, Exception):
            turn.set_exception(answer)
        else:
            turn.set_result(answer)


def _answers(count: int, limits: Mapping[int, int], granted: Granted, now: float) -> list[Headers | Exception]:
    admitted = [_headers(limits, granted, position, now) for position in range(granted.requests)]
    return [*admitted, *(throttled(_waiting_time(limits, granted, now)) for _ in range(granted.requests, count))]


def _headers(limits: Mapping[int, int], granted: Granted, position: int, now: float) -> Headers:
    number, used = granted.before[MINUTE]
    return {
        "RateLimit-Limit": str(limits[MINUTE]),
        "RateLimit-Remaining": str(limits[MINUTE] - used - position - 1),
        "RateLimit-Reset": str(_until_over(number, MINUTE, now)),
    }


def _waiting_time(limits: Mapping[int, int], granted: Granted, now: float) -> int:
    """Return the seconds until the last of the full windows is over: to come back earlier would be of no use."""
    over = [
        _until_over(number, seconds, now)
        for seconds, (number, used) in granted.before.items()
        if used + granted.requests >= limits[seconds]
    ]
    return max(over, default=1)


def _until_over(number: int, seconds: int, now: float) -> int:
    return max(1, ceil((number + 1) * seconds - now))


def tier_of(operation: Operation, asked: Pairs) -> Tier:
    """Return the tier of a request: the narrowest of what it asks for that is costly, else the operation's own."""
    if not operation.costly:
        return operation.tier
    names = (f"{name}={part.strip()}" for name, value in asked for part in value.split(","))
    costly = [operation.costly[one] for one in names if one in operation.costly]
    return min(costly, key=lambda tier: tier.steady, default=operation.tier)


def limits_of(tier: Tier) -> dict[int, int]:
    """Return how many requests each window admits, by its length in seconds."""
    limits = {SECOND: tier.burst, MINUTE: tier.steady}
    return limits if tier.daily is None else {**limits, DAY: tier.daily}


def throttled(seconds: int) -> Throttled:
    """Return the problem of a request that may come again after some seconds. Source: reference 7.2 (the text)."""
    unit = "second" if seconds == 1 else "seconds"
    return Throttled(
        f"Request was throttled. Expected available in {seconds} {unit}.",
        pointer="/data/",
        meta={"retry_after": seconds},
    )
