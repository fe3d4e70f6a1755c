"""The facts of a whole batch, one query per kind: profiles, triggering events, totals of events, memberships.

This is the reading side of `conditions.facts`: what a condition `needs()` is loaded here for many profiles at once and
handed to it as `LoadedFacts`. What is not here: the rarer needs (`fact_answers`), and the same questions asked of every
profile (`fact_query`).
Source: DESIGN section 2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from headrace.conditions.event_property import passes
from headrace.conditions.facts import (
    Consent,
    ConsentOn,
    EventEdge,
    EventMoments,
    EventTotal,
    Happenings,
    LastEntry,
    LastSent,
    LinkedObjects,
    Moment,
    Need,
    PushTokens,
    Suppression,
    Suppressions,
    Total,
)
from headrace.model import Event, Profile
from headrace.storage.arrays import ids, moment, moments, numbers
from headrace.storage.database import Connection, Database, Row
from headrace.storage.histories import History

_PROFILES = """
SELECT p.profile_id, p.email, p.phone_number, p.external_id, p.anonymous_id, p.first_name, p.last_name, p.organization,
    p.title, p.image, p.locale, p.timezone, p.location, p.properties, p.created_at, p.updated_at, p.last_event_at,
    p.predictive
FROM unnest($1::text::smallint[], string_to_array($2, ','), string_to_array($3, ','))
    AS asked (bucket, account_id, profile_id)
JOIN profile p USING (bucket, account_id, profile_id)
"""

_EVENTS = """
SELECT e.bucket, e.profile_id, e.metric_id, e.occurred_at, e.number, e.value, e.value_currency, {properties}
FROM unnest($1::text::smallint[], string_to_array($2, ','), string_to_array($3, ','), string_to_array($4, ','),
    $5::timestamptz[], $6::text::bigint[]) AS asked (bucket, account_id, profile_id, metric_id, occurred_at, number)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.bucket = asked.bucket AND e.account_id = asked.account_id AND e.profile_id = asked.profile_id
        AND e.metric_id = asked.metric_id AND e.occurred_at = asked.occurred_at AND e.number = asked.number
) AS e
"""
_EVENTS_FULL = _EVENTS.format(properties="e.properties")
_EVENTS_BARE = _EVENTS.format(
    properties="NULL::jsonb AS properties, ARRAY(SELECT jsonb_object_keys(e.properties)) AS names"
)

_SPANS = f"""
FROM (
    SELECT number, bucket, account_id, profile_id, metric_id, coalesce({moment("since")}, '-infinity') AS since,
        coalesce({moment("until")}, 'infinity') AS until, without
    FROM unnest($1::text::int[], $2::text::smallint[], string_to_array($3, ','), string_to_array($4, ','),
        string_to_array($5, ','), $6::text::bigint[], $7::text::bigint[], $8::text::bigint[])
        AS span (number, bucket, account_id, profile_id, metric_id, since, until, without)
) AS asked
CROSS JOIN LATERAL (
    SELECT {{columns}} FROM event e
    WHERE e.bucket = asked.bucket AND e.account_id = asked.account_id AND e.profile_id = asked.profile_id
        AND e.metric_id = asked.metric_id AND e.occurred_at >= asked.since AND e.occurred_at < asked.until
        AND e.number IS DISTINCT FROM asked.without
    {{having}}
) AS found
"""

_TOTALS = "SELECT asked.number, found.* " + _SPANS.format(
    columns="count(*) AS count, sum(e.value) AS sum", having="HAVING count(*) > 0"
)
_MATCHES = "SELECT asked.number, found.* " + _SPANS.format(columns="e.value, e.properties", having="")

_MEMBERSHIPS = """
SELECT m.profile_id, m.group_id, m.joined_at
FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[]) AS asked (bucket, account_id, profile_id, group_id)
JOIN membership m USING (bucket, account_id, profile_id, group_id)
WHERE EXISTS (SELECT FROM profile_group g WHERE g.group_id = m.group_id)
"""

_OF_RUNS = """
SELECT r.run_id, e.number, e.profile_id, e.metric_id, e.occurred_at, e.value, e.value_currency, e.properties
FROM unnest($1::smallint[], $2::text[], $3::uuid[]) AS asked (bucket, account_id, run_id)
JOIN run r USING (bucket, account_id, run_id)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.bucket = r.bucket AND e.account_id = r.account_id AND e.profile_id = r.profile_id
        AND e.metric_id = r.event_metric_id AND e.occurred_at = r.event_at AND e.number = r.event_number
) AS e
"""


SUPPRESSIONS = Suppressions()
PUSH_TOKENS = PushTokens()

EventKey = tuple[int, str, str, str, datetime, int]
"""Where an event is: bucket, account id, profile id, metric id, occurred at, number."""


class LoadedFacts:
    """The answers for one profile at one moment: the port `conditions.facts.Facts`. The engine fills it as it goes.

    `joined` holds every group that was asked about, with None for those that the profile is no member of; `answers`
    holds what each other need was answered with. What is asked about events of a metric that is among `histories` is
    answered from there.
    """

    __slots__ = ("answers", "event", "histories", "joined", "moment", "outputs", "profile", "totals")

    def __init__(
        self, profile: Profile, event: Event | None, moment: Moment, outputs: Mapping[str, Any] | None = None
    ) -> None:
        self.profile = profile
        self.event = event
        self.moment = moment
        self.outputs: Mapping[str, Any] = outputs or {}
        self.totals: dict[EventTotal, Total] = {}
        self.joined: dict[str, datetime | None] = {}
        self.answers: dict[Need, Any] = {}
        self.histories: dict[str, History] = {}

    def total(self, need: EventTotal) -> Total:
        """Return the total for a need that was stated; raises `KeyError` for one that was not."""
        history = self.histories.get(need.metric_id)
        return self.totals[need] if history is None else history.total(need, self.moment.now)

    def edge(self, need: EventEdge) -> datetime | None:
        """Return when the event in question occurred, None without one."""
        history = self.histories.get(need.metric_id)
        answer: datetime | None = self.answers[need] if history is None else history.edge(need)
        return answer

    def happenings(self, need: EventMoments) -> Happenings:
        """Return when events occurred and their numbers, in order."""
        history = self.histories.get(need.metric_id)
        answer: Happenings = self.answers[need] if history is None else history.happenings(need)
        return answer

    def joined_at(self, group_id: str) -> datetime | None:
        """Return when the profile joined a group, None when it is not a member."""
        return self.joined.get(group_id)

    def consent(self, need: ConsentOn) -> Consent | None:
        """Return what the person agreed to, None for nothing."""
        answer: Consent | None = self.answers[need]
        return answer

    def suppressions(self) -> tuple[Suppression, ...]:
        """Return why the person gets no e-mail at all."""
        answer: tuple[Suppression, ...] = self.answers[SUPPRESSIONS]
        return answer

    def push_since(self) -> datetime | None:
        """Return when the first of the person's enabled devices was registered, None without one."""
        answer: datetime | None = self.answers[PUSH_TOKENS]
        return answer

    def last_sent(self, need: LastSent) -> datetime | None:
        """Return when the last message of the channel was sent, None for none."""
        answer: datetime | None = self.answers[need]
        return answer

    def last_entry(self, need: LastEntry) -> datetime | None:
        """Return when the person last entered the flow, None for never."""
        answer: datetime | None = self.answers[need]
        return answer

    def objects(self, need: LinkedObjects) -> tuple[Mapping[str, Any], ...]:
        """Return the properties of each linked object, by property id."""
        answer: tuple[Mapping[str, Any], ...] = self.answers[need]
        return answer


async def load_profiles(
    connection: Connection | Database, people: Iterable[tuple[int, str, str]]
) -> dict[tuple[str, str], Profile]:
    """Return (account id, profile id) -> profile for each (bucket, account id, profile id) that exists."""
    asked = list(people)
    if not asked:
        return {}
    buckets, accounts, profiles = map(list, zip(*asked, strict=True))
    account_of = dict(zip(profiles, accounts, strict=True))
    rows = await connection.fetch(_PROFILES, numbers(buckets), ids(accounts), ids(profiles))
    return {(account_of[row["profile_id"]], row["profile_id"]): Profile(*row.values()) for row in rows}


async def load_events(connection: Connection | Database, keys: Sequence[EventKey]) -> dict[tuple[str, int], Event]:
    """Return (profile id, number) -> event for each whole key that exists."""
    rows = await connection.fetch(_EVENTS_FULL, *_key_columns(keys)) if keys else []
    return {(row["profile_id"], row["number"]): event_of(row) for row in rows}


async def load_bare_events(
    connection: Connection | Database, keys: Sequence[EventKey]
) -> tuple[dict[tuple[str, int], Event], dict[tuple[str, int], Sequence[str]]]:
    """Return the same without the events' properties, which are left empty, and the names of these."""
    rows = await connection.fetch(_EVENTS_BARE, *_key_columns(keys)) if keys else []
    places = [(row["profile_id"], row["number"]) for row in rows]
    events = map(event_of, rows)
    return dict(zip(places, events, strict=True)), dict(zip(places, (row["names"] for row in rows), strict=True))


def _key_columns(keys: Sequence[EventKey]) -> tuple[Any, ...]:
    buckets, *names, dates, places = zip(*keys, strict=True)
    return (numbers(buckets), *map(ids, names), list(dates), numbers(places))


async def load_events_of_runs(
    connection: Connection | Database, runs: Iterable[tuple[int, str, UUID]]
) -> dict[UUID, Event]:
    """Return run id -> triggering event for each (bucket, account id, run id) that has one."""
    asked = list(runs)
    if not asked:
        return {}
    rows = await connection.fetch(_OF_RUNS, *map(list, zip(*asked, strict=True)))
    return {row["run_id"]: event_of(row) for row in rows}


def event_of(row: Row) -> Event:
    """Return the record behind a row of `event`."""
    return Event(
        row["number"],
        row["profile_id"],
        row["metric_id"],
        row["occurred_at"],
        row["properties"] or {},
        row["value"],
        row["value_currency"],
    )


async def load_totals(
    connection: Connection | Database, asked: Sequence[tuple[int, str, str, EventTotal, datetime]]
) -> list[Total]:
    """Return one total per (bucket, account id, profile id, need, now), in their order.

    Needs without property filters are counted by the database; of the others the events are read and filtered here,
    so that a filter means the same everywhere.
    """
    totals = [Total()] * len(asked)
    plain = [place for place, one in enumerate(asked) if not one[3].filters]
    filtered = [place for place, one in enumerate(asked) if one[3].filters]
    for row in await _over_spans(connection, _TOTALS, asked, plain):
        totals[row["number"]] = Total(row["count"], row["sum"] or Decimal(0))
    matches: defaultdict[int, list[Row]] = defaultdict(list)
    for row in await _over_spans(connection, _MATCHES, asked, filtered):
        matches[row["number"]].append(row)
    for place, rows in matches.items():
        totals[place] = _total_of(rows, asked[place][3], asked[place][4])
    return totals


async def load_memberships(
    connection: Connection | Database, asked: Sequence[tuple[int, str, str, str]]
) -> list[tuple[str, str, datetime]]:
    """Return (profile id, group id, joined at) for each (bucket, account id, profile id, group id) that is one."""
    if not asked:
        return []
    rows = await connection.fetch(_MEMBERSHIPS, *map(list, zip(*asked, strict=True)))
    return [(row["profile_id"], row["group_id"], row["joined_at"]) for row in rows]


async def _over_spans(
    connection: Connection | Database,
    query: str,
    asked: Sequence[tuple[int, str, str, EventTotal, datetime]],
    places: Sequence[int],
) -> list[Row]:
    if not places:
        return []
    chosen = [asked[place] for place in places]
    needs = [one[3] for one in chosen]
    return await connection.fetch(
        query,
        numbers(places),
        numbers(one[0] for one in chosen),
        ids(one[1] for one in chosen),
        ids(one[2] for one in chosen),
        ids(need.metric_id for need in needs),
        moments(need.since for need in needs),
        moments(need.until for need in needs),
        numbers(need.without for need in needs),
    )


def _total_of(rows: Sequence[Row], need: EventTotal, now: datetime) -> Total:
    kept = [row for row in rows if passes(row["properties"], row["value"], need.filters, now)]
    return Total(len(kept), sum((row["value"] or Decimal(0) for row in kept), Decimal(0)))
