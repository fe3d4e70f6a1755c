"""The needs of a whole batch are loaded in one query per kind, and matching profiles are found in their order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.clock import VirtualClock
from headrace.conditions import FlowFilter
from headrace.conditions.facts import (
    Consent,
    ConsentOn,
    EventTotal,
    LastEntry,
    LastSent,
    LinkedObjects,
    Membership,
    Moment,
    Need,
    PushTokens,
    Suppression,
    Suppressions,
    Total,
)
from headrace.conditions.parsing import parse
from headrace.engine.loading import load_needs
from headrace.ids import bucket_of
from headrace.model import Channel, Profile
from headrace.storage.database import Connection, Database, Query, Row
from headrace.storage.fact_query import ProfileQuery, matching
from headrace.storage.facts import LoadedFacts
from headrace.storage.partitions import Partitions

NOON = datetime(2023, 6, 17, 12, tzinfo=UTC)
MOMENT = Moment(NOON, NOON, UTC, "", "FLOW01")
ACCOUNT = "ACC001"
NEEDS: dict[Need, Any] = {
    ConsentOn(Channel.EMAIL): Consent("SUBSCRIBED", NOON, method="form", detail="F1"),
    Suppressions(): (Suppression("HARD_BOUNCE", NOON),),
    PushTokens(): NOON,
    LastSent(Channel.SMS): NOON,
    LastEntry("FLOW01", NOON): NOON - timedelta(days=1),
    LinkedObjects("T1", "R1"): ({"7": "red"},),
}
"""What the first person's needs are answered with."""
NOTHING: dict[Need, Any] = {need: () if isinstance(answer, tuple) else None for need, answer in NEEDS.items()}
"""What everybody else's are answered with."""

INSERTS = (
    """INSERT INTO consent (bucket, account_id, profile_id, channel, subscription, changed_at, method, detail)
    VALUES ($1, $2, $3, 1, 'SUBSCRIBED', $4, 'form', 'F1')""",
    "INSERT INTO suppression VALUES ($1, $2, $3, '', 'HARD_BOUNCE', $4), ($1, $2, $3, 'LIST01', 'UNSUBSCRIBE', $4)",
    """INSERT INTO push_token VALUES ($1, $2, $3, 'a', 'ios', 'apns', true, $4, $4),
        ($1, $2, $3, 'b', 'ios', 'apns', false, $4::timestamptz - interval '1 day', $4)""",
    """INSERT INTO delivery (bucket, account_id, profile_id, delivery_id, run_id, flow_id, action_id, message_id,
        variation, channel, format, state, clock, queued_at, due_at, sent_at)
    SELECT $1, $2, $3, gen_random_uuid(), gen_random_uuid(), 'FLOW01', 1, 'MESS01', '', 2, 'sms', 2, 0, $4, $4, at
    FROM unnest(ARRAY[$4::timestamptz, $4::timestamptz - interval '1 day', null]) AS at""",
    """INSERT INTO run (bucket, account_id, profile_id, run_id, flow_id, version, entered_at, resume_at, clock, state,
        visited, steps, chain)
    SELECT $1, $2, $3, gen_random_uuid(), 'FLOW01', 1, at, at, 0, 1, ARRAY[]::bigint[], 0, 0
    FROM (SELECT $4::timestamptz - make_interval(0, 0, 0, days) AS at FROM generate_series(0, 2) AS days) AS found""",
    """INSERT INTO custom_object
    SELECT $1, $2, $3, 'T1', kind, '1', '{"7": "red"}' FROM unnest(ARRAY['R1', 'R2']) AS kind
    WHERE $4::timestamptz IS NOT NULL""",
    """WITH list AS (
        INSERT INTO profile_group (group_id, account_id, kind, name, created_at, updated_at)
        VALUES ('LIST01', $2, 'list', 'News', $4, $4)
    )
    INSERT INTO membership VALUES ($1, $2, $3, 'LIST01', $4)""",
)


class Counting(Connection):
    """A connection that counts its queries."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.raw)
        self.count = 0

    async def fetch(self, query: Query, *args: Any) -> list[Row]:
        """Run and count a query."""
        self.count += 1
        return await super().fetch(query, *args)


@dataclass
class Asker:
    """One person whose facts are loaded."""

    bucket: int
    account_id: str
    profile_id: str
    facts: LoadedFacts


def asker(profile_id: str, moment: Moment = MOMENT) -> Asker:
    """Return somebody about whom nothing is known yet."""
    return Asker(bucket_of(profile_id), ACCOUNT, profile_id, LoadedFacts(Profile(profile_id), None, moment))


@pytest.fixture
async def connection(database_dsn: str) -> AsyncIterator[Counting]:
    """A counting connection to a database in which much is known about the first of three people."""
    database = await Database.connect(database_dsn, size=1)
    await Partitions(database, VirtualClock(NOON)).ensure("event", {NOON})
    async with database.transaction() as transaction:
        for one in ("P1", "P2", "P3"):
            await transaction.execute(
                "INSERT INTO profile (bucket, account_id, profile_id, email, created_at, updated_at) "
                "VALUES ($1, $2, $3, $4, $5, $5)",
                *(bucket_of(one), ACCOUNT, one, f"{one}@example.com", NOON),
            )
        for statement in INSERTS:
            await transaction.execute(statement, bucket_of("P1"), ACCOUNT, "P1", NOON)
        yield Counting(transaction)
    await database.close()


async def test_a_batch_asks_once_for_each_kind_of_need(connection: Counting) -> None:
    """However many ask, what is on record is told to each, and what is not is told as such."""
    askers = [asker(name) for name in ("P1", "P2", "P1")]
    needs = frozenset((*NEEDS, Membership(("LIST01", "LIST02")), EventTotal("ORDERS")))
    await load_needs(connection, [(one, needs) for one in askers])
    assert connection.count == len(NEEDS) + 2
    assert [one.facts.answers for one in askers] == [NEEDS, NOTHING, NEEDS]
    assert [one.facts.joined_at("LIST01") for one in askers] == [NOON, None, NOON]
    assert [one.facts.joined_at("LIST02") for one in askers] == [None, None, None]
    assert [one.facts.total(EventTotal("ORDERS")) for one in askers] == [Total()] * 3


async def test_what_is_known_is_not_asked_again(connection: Counting) -> None:
    """A second round asks for what is new only, and where nothing is needed for nothing."""
    first = asker("P1")
    needs = frozenset((*NEEDS, Membership(("LIST01",)), EventTotal("ORDERS")))
    await load_needs(connection, [(first, needs)])
    asked = connection.count
    await load_needs(connection, [(first, needs), (asker("P2"), frozenset())])
    assert asked == connection.count
    await load_needs(connection, [(first, needs | {LastSent(Channel.EMAIL)})])
    assert asked + 1 == connection.count


async def test_a_need_that_was_not_loaded_is_an_error(connection: Counting) -> None:
    """Nobody mistakes what was never asked for nothing."""
    with pytest.raises(KeyError):
        asker("P1").facts.consent(ConsentOn(Channel.EMAIL))


def text_filter(operator: str, value: str) -> dict[str, Any]:
    """Return a filter on the e-mail address."""
    tested = {"type": "string", "operator": operator, "value": value}
    condition = {"type": "profile-property", "property": "email", "filter": tested}
    return {"condition_groups": [{"conditions": [condition]}]}


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [("regex", "^P[13]@", ["P1", "P3"]), ("nregex", "^P[13]@", ["P2"]), ("starts-with", "P2", ["P2"])],
)
async def test_matching_profiles_are_found(
    connection: Counting, operator: str, value: str, expected: list[str]
) -> None:
    """Of the account only, in order of their ids; regular expressions mean what they mean to RE2."""
    asked = parse(FlowFilter, text_filter(operator, value)).compile("7")
    assert expected == await matching(connection, ACCOUNT, asked, MOMENT)
    assert [] == await matching(connection, "OTHER1", asked, MOMENT)


async def test_a_query_that_was_not_settled_does_not_run(connection: Counting) -> None:
    """A regular expression that nobody tested selects nobody by mistake."""
    query = ProfileQuery(ACCOUNT)
    clause = parse(FlowFilter, text_filter("regex", "a")).compile("7").where(query, MOMENT)
    with pytest.raises(RuntimeError, match="not settled"):
        await connection.fetch(clause)


async def test_the_event_that_began_the_run_does_not_count_since_the_start(connection: Counting) -> None:
    """Asked of one and of all, another event of the same moment counts."""
    for number in (7, 8):
        await connection.execute(
            "INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, properties) "
            "VALUES ($1, $2, $3, 'ORDERS', $4, $5, '{}')",
            *(bucket_of(f"P{number - 6}"), ACCOUNT, f"P{number - 6}", NOON, number),
        )
    none = {
        "type": "profile-metric",
        "metric_id": "ORDERS",
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": "equals", "value": 0},
        "timeframe_filter": {"type": "date", "operator": "flow-start"},
    }
    asked = parse(FlowFilter, {"condition_groups": [{"conditions": [none]}]}).compile("7")
    begun = replace(MOMENT, event_number=7)
    assert ["P1", "P3"] == await matching(connection, ACCOUNT, asked, begun)
    askers = [asker(name, begun) for name in ("P1", "P2", "P3")]
    await load_needs(connection, [(one, asked.needs(begun)) for one in askers])
    assert ["P1", "P3"] == [one.profile_id for one in askers if asked.holds(one.facts).holds]
