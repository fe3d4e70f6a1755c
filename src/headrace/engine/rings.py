"""Which buckets a worker looks at next.

Buckets with due work are taken in groups: many at a time while little is due in each, fewer while much is, so that a
batch is neither tiny nor keeps other workers out of more buckets than it needs. Workers begin at different places.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from headrace.ids import BUCKETS, bucket_of

FIRST_WIDTH = 32
LEAST_WIDTH = 16
"""Our choice: a batch takes a share of at least so many buckets, so that a round over all of them is over soon even
while each holds thousands of due runs, and nobody's single run waits for another account's million."""


class BucketRing:
    """The buckets of one kind of work that are still to be visited in this round."""

    __slots__ = ("_queue", "_start", "_width")

    def __init__(self, worker: str) -> None:
        self._start = bucket_of(worker)
        self._width = FIRST_WIDTH
        self._queue: deque[int] = deque()

    def __bool__(self) -> bool:
        return bool(self._queue)

    def fill(self, buckets: Sequence[int]) -> None:
        """Begin a round over `buckets`, which are ascending."""
        self._queue = deque([one for one in buckets if one >= self._start])
        self._queue.extend(one for one in buckets if one < self._start)

    def take(self) -> list[int]:
        """Return the next group, ascending."""
        return sorted(self._queue.popleft() for _ in range(min(self._width, len(self._queue))))

    def tell(self, group: Sequence[int], found: int, limit: int) -> None:
        """Note how many of at most `limit` items a group yielded; a full one is visited again after the others.

        A bucket that fills up as fast as it is worked off must not keep the rest waiting for ever.
        """
        if found >= limit:
            self._queue.extend(group)
            self._width = max(LEAST_WIDTH, self._width // 2)
        elif found * 3 < limit:
            self._width = min(BUCKETS, self._width * 2)
