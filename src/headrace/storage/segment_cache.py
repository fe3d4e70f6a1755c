"""Segments as the engine reads them: compiled once per version, checked for change once per batch.

What is here: the active segments of an account by what they ask about. What is not: writing segments (`segments`).
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from headrace.conditions.groups import CompiledFilter
from headrace.conditions.segment_definition import compile_segment, read_segment
from headrace.conditions.topics import EVERYTHING
from headrace.storage.database import Connection, Database, Row

log = logging.getLogger(__name__)

_PRESENT = """
SELECT group_id, account_id, version, evaluated_version <> version AS processing FROM profile_group
WHERE account_id = ANY($1) AND kind = 'segment' AND is_active AND definition IS NOT NULL ORDER BY group_id
"""
_DOCUMENTS = "SELECT group_id, version, definition FROM profile_group WHERE group_id = ANY($1)"


@dataclass(frozen=True, slots=True)
class LoadedSegment:
    """An active segment. `processing` tells that a job is working out everybody's place in it."""

    group_id: str
    account_id: str
    version: int
    processing: bool
    condition: CompiledFilter
    topics: frozenset[str]


@dataclass(frozen=True, slots=True)
class AccountSegments:
    """The active segments of one account: all of them, by id and by topic."""

    all: tuple[LoadedSegment, ...]
    by_id: Mapping[str, LoadedSegment] = field(default_factory=dict)
    by_topic: Mapping[str, tuple[LoadedSegment, ...]] = field(default_factory=dict)

    def asking(self, topics: Collection[str] | None) -> Collection[LoadedSegment]:
        """Return the segments that ask about any of the topics; None and `EVERYTHING` stand for all there are."""
        if topics is None or EVERYTHING in topics:
            return self.all
        if len(topics) == 1:
            return self.by_topic.get(next(iter(topics)), ())
        return {one.group_id: one for topic in topics for one in self.by_topic.get(topic, ())}.values()


class SegmentCache:
    """Compiled segments by their version; one per process."""

    __slots__ = ("_accounts", "_segments")

    def __init__(self) -> None:
        self._segments: dict[str, tuple[int, LoadedSegment | None]] = {}
        self._accounts: dict[str, tuple[tuple[tuple[str, int, bool], ...], AccountSegments]] = {}

    async def load(
        self, connection: Connection | Database, account_ids: Iterable[str]
    ) -> Mapping[str, AccountSegments]:
        """Return account id -> its active segments, for the accounts that have any."""
        rows = await connection.fetch(_PRESENT, sorted(set(account_ids)))
        stale = [row for row in rows if self._segments.get(row["group_id"], (None,))[0] != row["version"]]
        if stale:
            await self._compile(connection, stale)
        by_account: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_account[row["account_id"]].append(row)
        return {account_id: self._of_account(account_id, some) for account_id, some in by_account.items()}

    def _of_account(self, account_id: str, rows: Sequence[Row]) -> AccountSegments:
        state = tuple((row["group_id"], row["version"], row["processing"]) for row in rows)
        known = self._accounts.get(account_id)
        if known is None or known[0] != state:
            known = self._accounts[account_id] = state, self._index(rows)
        return known[1]

    def _index(self, rows: Sequence[Row]) -> AccountSegments:
        found: list[LoadedSegment] = []
        by_topic: defaultdict[str, list[LoadedSegment]] = defaultdict(list)
        for row in rows:
            _, segment = self._segments.get(row["group_id"], (None, None))  # none where it was deleted just now
            if segment is not None:
                one = replace(segment, processing=row["processing"])
                found.append(one)
                for topic in one.topics:
                    by_topic[topic].append(one)
        by_id = {one.group_id: one for one in found}
        return AccountSegments(tuple(found), by_id, {topic: tuple(some) for topic, some in by_topic.items()})

    async def _compile(self, connection: Connection | Database, rows: Sequence[Row]) -> None:
        """Compile segments anew. One that cannot be read is left out: its members stay as they are."""
        account_of = {row["group_id"]: row["account_id"] for row in rows}
        for row in await connection.fetch(_DOCUMENTS, list(account_of)):
            group_id, version = row["group_id"], row["version"]
            try:
                condition = compile_segment(read_segment(row["definition"]), group_id)
                topics = frozenset(condition.topics())
            except Exception:  # a definition that cannot be read must not stop every batch
                log.exception("segment %s cannot be read; its members stay as they are", group_id)
                self._segments[group_id] = version, None
                continue
            loaded = LoadedSegment(group_id, account_of[group_id], version, False, condition, topics)
            self._segments[group_id] = version, loaded
