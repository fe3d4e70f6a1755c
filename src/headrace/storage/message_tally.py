"""What a batch of interactions adds: to each delivery, and to each key of the reports.

What is here: pure counting. What is not: reading and writing (`interactions`). Follows reference 6.1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from headrace.model import Channel
from headrace.storage.database import Row
from headrace.storage.message_events import Interaction, Kind
from headrace.storage.slots import quarter_of


@dataclass(slots=True)
class Tally:
    """What a batch adds to one delivery: counts by statistic, and the first moment of each kind."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    firsts: dict[str, datetime] = field(default_factory=dict)

    def changes_delivery(self) -> bool:
        """Tell whether the delivery's own row changes; that a message arrived leaves it as it is."""
        return bool(self.firsts or any(self.counts[name] for name in ("opens", "clicks", "unsubscribes")))


_COUNTED = {
    Kind.BOUNCED: "bounced",
    Kind.FAILED: "failed",
    Kind.OPENED: "opens",
    Kind.CLICKED: "clicks",
    Kind.UNSUBSCRIBED: "unsubscribes",
    Kind.SPAM: "spam_complaints",
}
_FIRSTS = {
    Kind.OPENED: ("first_open_at", "opens_unique"),
    Kind.CLICKED: ("first_click_at", "clicks_unique"),
    Kind.UNSUBSCRIBED: ("unsubscribed_at", "unsubscribe_uniques"),
}


def tally_up(items: Sequence[Interaction], rows: Mapping[UUID, Row], taken_back: set[UUID]) -> dict[UUID, Tally]:
    """Return the sum of a batch per delivery; rows hold the firsts as they were before it."""
    tallies: dict[UUID, Tally] = defaultdict(Tally)
    for item in items:
        row = rows[item.delivery_id]
        tally = tallies[item.delivery_id]
        if item.kind is Kind.DELIVERED:
            _count_delivered(tally, row, 1)
        elif not (item.kind is Kind.FAILED and item.channel is Channel.EMAIL):
            tally.counts[_COUNTED[item.kind]] += 1
        if item.kind in (Kind.BOUNCED, Kind.FAILED):
            tally.firsts["bounced_at"] = item.at
            if item.delivery_id in taken_back:
                _count_delivered(tally, row, -1)
        if item.kind in _FIRSTS:
            column, statistic = _FIRSTS[item.kind]
            if row[column] is None and column not in tally.firsts:
                tally.firsts[column] = item.at
                tally.counts[statistic] += 1
    return tallies


def _count_delivered(tally: Tally, row: Row, sign: int) -> None:
    tally.counts["delivered"] += sign
    tally.counts["segments"] += sign * row["segments"]


def sum_up(tallies: Mapping[UUID, Tally], rows: Mapping[UUID, Row]) -> dict[tuple[Any, ...], dict[str, int]]:
    """Return the counts of a batch by report key; keys that nothing was added to are left out."""
    sums: dict[tuple[Any, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for delivery_id, tally in tallies.items():
        row = rows[delivery_id]
        names = ("flow_id", "message_id", "variation", "format", "channel")
        key = (quarter_of(row["sent_at"]), *(row[name] for name in names))
        for name, count in tally.counts.items():
            sums[key][name] += count
    return {key: counts for key, counts in sums.items() if any(counts.values())}
