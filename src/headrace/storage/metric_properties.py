"""The properties that events of a metric have: noting new ones, and learning them from events that are there.

What is here: `MetricProperties`, which the consumer of events asks about each batch, and `learn_properties`, for
metrics whose events do not pass it or came before there were properties. What is not: reading them for the API, and
their values, which are read from present events (`metric_samples`).

What a process knows to be noted costs a batch one look at the names; the statements for new names run next to never.
A name is known once another transaction can see it, so that one which rolls back does not count.

Our choice: up to 1,000 properties of a metric are noted, and no names longer than 255 characters. The types are those
that the published description shows an example of, List, and its like: Text, Number, Boolean, Date, and Object for
what nests. What is of several types is Text.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from headrace.conditions.spans import parse_moment
from headrace.ids import event_number
from headrace.model import Event
from headrace.storage.database import Connection, Database, Row

MOST_OF_METRIC = 1_000
LONGEST_NAME = 255
MOST_KNOWN = 500_000
"""Names that a process remembers; then it begins anew."""
LOOKED_AT = 1_000
"""Events of a metric that its properties are learned from."""
WITHIN = 20_000
"""Events of an account among which those are looked for: the newest, and those since the metric was made."""
VALUE, CURRENCY = "$value", "$value_currency"

Metric = tuple[str, str]
"""An account id and a metric id."""
Name = tuple[str, str, str]
"""An account id, a metric id and a property."""
Events = Mapping[tuple[str, int], Event]
Names = Mapping[tuple[str, int], Sequence[str]]
"""Events, and the names of their properties, by profile id and number."""

_TYPES = {"number": "Number", "boolean": "Boolean", "array": "List", "object": "Object"}
_TEXT, _DATE = "Text", "Date"
_NOTHING: frozenset[str] = frozenset()

PAIRS = f"""
CROSS JOIN LATERAL (
    SELECT key, value FROM jsonb_each(e.properties)
    UNION ALL SELECT '{VALUE}', to_jsonb(e.value) WHERE e.value IS NOT NULL
    UNION ALL SELECT '{CURRENCY}', to_jsonb(e.value_currency) WHERE e.value_currency IS NOT NULL
) AS p (property, value)"""
"""Joins every property and value of the events called e, their value and currency too, as the API shows them."""

_ASKED = """unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[])
    AS asked (bucket, account_id, profile_id, metric_id, occurred_at, number)
JOIN event e USING (bucket, account_id, profile_id, metric_id, occurred_at, number)"""

_SEEN = """
SELECT account_id, metric_id, property, array_agg(kind ORDER BY place) AS kinds,
    array_agg(text ORDER BY place) AS texts, (array_agg(number ORDER BY place))[1] AS first_number,
    (array_agg(occurred_at ORDER BY place))[1] AS first_at
FROM (
    SELECT e.account_id, e.metric_id, p.property, jsonb_typeof(p.value) AS kind,
        CASE jsonb_typeof(p.value) WHEN 'string' THEN left(p.value #>> '{{}}', 41) END AS text, e.number, e.occurred_at,
        row_number() OVER (
            PARTITION BY e.account_id, e.metric_id, p.property ORDER BY jsonb_typeof(p.value) = 'null', e.number
        ) AS place
    FROM {events}
) AS pair
WHERE place <= 10 GROUP BY account_id, metric_id, property
"""
"""The first values of properties: their JSON types, and the first characters of texts, in the same order."""

_OF_BATCH = _SEEN.format(
    events=f"""{_ASKED} {PAIRS}
    JOIN unnest($7::text[], $8::text[], $9::text[]) AS new (account_id, metric_id, property)
        ON new.account_id = e.account_id AND new.metric_id = e.metric_id AND new.property = p.property"""
)

_OF_METRIC = _SEEN.format(
    events=f"""(
        SELECT DISTINCT ON (number) * FROM (
            SELECT * FROM (SELECT * FROM event WHERE account_id = $1 ORDER BY number DESC LIMIT {WITHIN}) AS newest
            UNION ALL
            SELECT * FROM (
                SELECT * FROM event WHERE account_id = $1 AND number >= $3 AND occurred_at >= $4
                ORDER BY number LIMIT {WITHIN}
            ) AS since
        ) AS looked
        WHERE metric_id = $2 ORDER BY number DESC LIMIT {LOOKED_AT}
    ) AS e {PAIRS}"""
)

_NOTED = """
SELECT account_id, metric_id, property FROM metric_property
JOIN unnest($1::text[], $2::text[], $3::text[]) AS asked (account_id, metric_id, property)
    USING (account_id, metric_id, property)
"""
_COUNTS = """
SELECT account_id, metric_id, count(*) AS count FROM metric_property
JOIN unnest($1::text[], $2::text[]) AS asked (account_id, metric_id) USING (account_id, metric_id)
GROUP BY account_id, metric_id
"""
_INSERT = """
INSERT INTO metric_property (account_id, metric_id, property, property_id, inferred_type, first_number, first_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
ON CONFLICT DO NOTHING
"""


def property_id(account_id: str, metric_id: str, name: str) -> str:
    """Return the 32 hexadecimal digits that name a property of a metric."""
    return hashlib.blake2b(f"{account_id}|{metric_id}|{name}".encode(), digest_size=16).hexdigest()


def inferred_type(kinds: Sequence[str], texts: Sequence[str | None]) -> str:
    """Return the type of a property by the JSON types of some values and, of those that are texts, their beginnings."""
    told = {kind for kind in kinds if kind != "null"}
    if told == {"string"}:
        dates = all(parse_moment(text) is not None for text in texts if text is not None)
        return _DATE if dates else _TEXT
    return _TYPES.get(told.pop(), _TEXT) if len(told) == 1 else _TEXT


class MetricProperties:
    """Notes the properties of events; remembers which are noted, and of which metrics no more are."""

    __slots__ = ("_full", "_known", "_size")

    def __init__(self) -> None:
        self._known: dict[Metric, set[str]] = {}
        self._full: set[Metric] = set()
        self._size = 0

    async def note(self, transaction: Connection, rows: Sequence[Row], events: Events, names: Names) -> None:
        """Note the properties of a batch that are new.

        `rows` are pending rows of events, `events` these by profile id and number, and `names` the properties of those
        whose own are not loaded. Call it late in the transaction: whoever sees the same new name at the same time waits
        for its end.
        """
        new = self._new(rows, events, names)
        if not new:
            return
        new -= await self._find(transaction, new)
        new = await self._within_bounds(transaction, new)
        if new:
            asked = (*_keys(rows), *_columns(new, 3))
            await _insert(transaction, await transaction.fetch(_OF_BATCH, *asked))

    def _new(self, rows: Sequence[Row], events: Events, names: Names) -> set[Name]:
        """Return the names in the events that are not known to be noted."""
        new: set[Name] = set()
        for row in rows:
            metric, place = (row["account_id"], row["metric_id"]), (row["profile_id"], row["number"])
            event = events.get(place)
            if event is None or metric in self._full:
                continue
            known = self._known.get(metric, _NOTHING)
            held = event.properties or names.get(place, ())
            if not known.issuperset(held):
                new.update((*metric, name) for name in held if name not in known)
            if event.value is not None and VALUE not in known:
                new.add((*metric, VALUE))
            if event.value_currency is not None and CURRENCY not in known:
                new.add((*metric, CURRENCY))
        return {name for name in new if len(name[2]) <= LONGEST_NAME}

    async def _find(self, transaction: Connection, names: Iterable[Name]) -> set[Name]:
        """Return the names that are noted, and remember them."""
        found = set(map(_name, await transaction.fetch(_NOTED, *_columns(names, 3))))
        if self._size > MOST_KNOWN:
            self._known.clear()
            self._full.clear()
            self._size = 0
        for account_id, metric_id, name in found:
            self._known.setdefault((account_id, metric_id), set()).add(name)
        self._size += len(found)
        return found

    async def _within_bounds(self, transaction: Connection, names: set[Name]) -> set[Name]:
        """Return the names that may still be noted, the first of each metric in their order."""
        by_metric: defaultdict[Metric, list[Name]] = defaultdict(list)
        for name in sorted(names):
            by_metric[name[:2]].append(name)
        rows = await transaction.fetch(_COUNTS, *_columns(by_metric, 2)) if by_metric else []
        room = {(row["account_id"], row["metric_id"]): max(0, MOST_OF_METRIC - row["count"]) for row in rows}
        self._full.update(metric for metric, left in room.items() if left == 0)
        return {name for metric, own in by_metric.items() for name in own[: room.get(metric, MOST_OF_METRIC)]}


async def learn_properties(database: Database, account_id: str, metric_id: str, made_at: datetime) -> None:
    """Note the properties of a metric's newest 1,000 events.

    They are looked for among the newest 20,000 events of the account, and as many since `made_at`, when the metric was
    made: a metric that has had none in either is left alone.
    """
    async with database.transaction() as transaction:
        first = event_number(made_at, 0)
        rows = await transaction.fetch(_OF_METRIC, account_id, metric_id, first, made_at)
        noted = {row["property"] for row in await transaction.fetch(_NOTED, *_columns(map(_name, rows), 3))}
        fresh = [row for row in rows if row["property"] not in noted and len(row["property"]) <= LONGEST_NAME]
        await _insert(transaction, fresh[: MOST_OF_METRIC - len(noted)])


async def _insert(transaction: Connection, rows: Sequence[Row]) -> None:
    """Note properties, in an order that all transactions keep."""
    made = sorted(
        (
            *_name(row),
            property_id(*_name(row)),
            inferred_type(row["kinds"], row["texts"]),
            row["first_number"],
            row["first_at"],
        )
        for row in rows
    )
    if made:
        await transaction.execute(_INSERT, *_columns(made, 7))


def _name(row: Row) -> Name:
    return row["account_id"], row["metric_id"], row["property"]


def _keys(rows: Sequence[Row]) -> list[list[object]]:
    names = ("bucket", "account_id", "profile_id", "metric_id", "occurred_at", "number")
    return [[row[name] for row in rows] for name in names]


def _columns(rows: Iterable[tuple[object, ...]], width: int) -> list[list[object]]:
    """Return rows as columns."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
