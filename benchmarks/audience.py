"""An audience for the benchmarks of segments: people, some of them on a list, and what they did in 400 days.

What is here: the data, always the same for the same sizes, made inside the database, and segments over them. What is
not: what is measured (`segments`, `following`). A third of the events are of a ninth of the people, and
half of them are views of products, as in a shop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.harness import settle
from headrace.clock import Clock, SystemClock, VirtualClock
from headrace.conditions import ProfileFilter
from headrace.ids import EVENT_EPOCH, RandomIds, bucket_of, identifier_bucket
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.groups import create_list
from headrace.storage.identity import Kind
from headrace.storage.metrics import Metrics
from headrace.storage.partitions import Partitions
from headrace.storage.segments import NewSegment, create_segment

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAYS = 400
CHUNK = 50_000
MANY = (1 << 31) - 1
"""What is drawn by hashing the number of an event lies between 0 and this."""
METRICS = (
    *("Viewed Product", "Added to Cart", "Started Checkout", "Placed Order", "Ordered Product"),
    *("Fulfilled Order", "Cancelled Order", "Refunded Order", "Submitted Review", "Active on Site"),
)
PLANS = ("gold", "silver", "bronze", "blue", "free")
BRANDS = ("Acme", "Anvil", "Birch", "Coral", "Dune")

CROWD = """
CREATE UNLOGGED TABLE crowd (number int PRIMARY KEY, bucket int2, profile_id text, email text, email_bucket int2)
"""

ADD_PROFILES = """
INSERT INTO profile (bucket, account_id, profile_id, email, first_name, properties, created_at, updated_at)
SELECT bucket, $1, profile_id, email, 'Ann',
       jsonb_build_object('plan', ($2::text[])[1 + number % 5], 'points', number % 100, 'city', 'City ' || number % 99),
       $3, $3
FROM crowd
"""

ADD_IDENTIFIERS = """
INSERT INTO identifier (bucket, account_id, kind, value, profile_id)
SELECT email_bucket, $1, $2, email, profile_id FROM crowd
"""

ADD_MEMBERS = """
INSERT INTO membership (bucket, account_id, profile_id, group_id, joined_at)
SELECT bucket, $1, profile_id, $2, $3 FROM crowd WHERE number / 5 % 2 = 0
"""

ADD_EVENTS = f"""
INSERT INTO event (bucket, account_id, profile_id, metric_id, occurred_at, number, value, properties)
SELECT crowd.bucket, $1, crowd.profile_id, ($2::text[])[1 + greatest(0, one % 20 - 10)], at,
       ((extract(epoch FROM at)::bigint - {EVENT_EPOCH}) << 31) | e, 10 + e % 90,
       jsonb_build_object('brand', ($3::text[])[1 + two % 5], 'ProductName', 'Product ' || two % 50, 'step', one % 7)
FROM generate_series(0::bigint, $5::bigint - 1) AS e
CROSS JOIN LATERAL (
    SELECT $4::timestamptz - make_interval(secs => trunc({DAYS * 86400} * (1 - e::float8 / $5))) AS at,
           hashint8extended(e, 1) & {MANY} AS one, hashint8extended(e, 2) & {MANY} AS two,
           trunc($6 * power((hashint8extended(e, 3) & {MANY}) / {MANY + 1}.0::float8, 2))::int AS person
) AS happened
JOIN crowd ON crowd.number = happened.person
"""
"""Half of the events are of the first metric."""


@dataclass(frozen=True, slots=True)
class Audience:
    """A filled database. `metrics` are ids by name; `now` is the account's present moment."""

    database: Database
    account: Account
    clock: Clock
    metrics: Mapping[str, str]
    list_id: str
    people: int
    events: int

    @property
    def account_id(self) -> str:
        """The id of the account."""
        return self.account.account_id


async def gather(database: Database, people: int, events: int, *, virtual: bool) -> Audience:
    """Fill a database; a virtual account stands still at `NOW`, so that all sums come out alike."""
    ids, clock = RandomIds(), VirtualClock(NOW) if virtual else SystemClock()
    account = await create_account(database, ids, Account("", "Bench"), clock)
    now = clock.now().replace(microsecond=0)
    metrics = await Metrics(database, clock, ids).ids(account.account_id, METRICS)
    days = [now - timedelta(days=day) for day in range(-1, DAYS + 1)]
    await Partitions(database, clock).ensure("event", days)
    async with database.transaction() as transaction:
        list_id = await create_list(transaction, account.account_id, ids, "Newsletter", now)
    audience = Audience(database, account, clock, metrics, list_id, people, events)
    await _fill(audience, now)
    await settle(database)
    return audience


async def _fill(audience: Audience, now: datetime) -> None:
    account_id = audience.account_id
    async with audience.database.transaction() as transaction:
        await transaction.execute(CROWD)
        for start in range(0, audience.people, CHUNK):
            rows = [_of_crowd(account_id, number) for number in range(start, min(start + CHUNK, audience.people))]
            await transaction.raw.copy_records_to_table("crowd", records=rows)
        long_ago = now - timedelta(days=DAYS)
        await transaction.execute(ADD_PROFILES, account_id, PLANS, long_ago)
        await transaction.execute(ADD_IDENTIFIERS, account_id, int(Kind.EMAIL))
        await transaction.execute(ADD_MEMBERS, account_id, audience.list_id, long_ago)
        metric_ids = [audience.metrics[name] for name in METRICS]
        sizes = (audience.events, audience.people)
        await transaction.execute(ADD_EVENTS, account_id, metric_ids, BRANDS, now, *sizes)


def _of_crowd(account_id: str, number: int) -> tuple[int, int, str, str, int]:
    profile_id, address = f"P{number:025}", email(number)
    return number, bucket_of(profile_id), profile_id, address, identifier_bucket(account_id, Kind.EMAIL, address)


def email(number: int) -> str:
    """Return the address of a person."""
    return f"person{number}@example.com"


# --- segments ---------------------------------------------------------------------------------------------------------


def groups(*conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definition that asks for all of these conditions."""
    return {"condition_groups": [{"conditions": [condition]} for condition in conditions]}


def has(name: str, value: str) -> dict[str, Any]:
    """Return the condition that a custom property has a value."""
    asked = {"type": "string", "operator": "equals", "value": value}
    return {"type": "profile-property", "property": f"properties['{name}']", "filter": asked}


def did(
    metric_id: str, least: int, days: int | None = None, brand: str | None = None, measurement: str = "count"
) -> dict[str, Any]:
    """Return the condition that events of a metric, in so many days and of a brand, are or sum up to at least this."""
    enough = {"type": "numeric", "operator": "greater-than-or-equal", "value": least}
    return _happened(metric_id, enough, days, brand, measurement)


def did_not(metric_id: str, days: int) -> dict[str, Any]:
    """Return the condition that there was no event of a metric in so many days."""
    return _happened(metric_id, {"type": "numeric", "operator": "equals", "value": 0}, days, None, "count")


def _happened(
    metric_id: str, total: Mapping[str, Any], days: int | None, brand: str | None, measurement: str
) -> dict[str, Any]:
    window = {"type": "date", "operator": "in-the-last", "quantity": days, "unit": "day"}
    asked = {"type": "string", "operator": "equals", "value": brand}
    return {
        "type": "profile-metric",
        "metric_id": metric_id,
        "measurement": measurement,
        "measurement_filter": total,
        "timeframe_filter": window if days else {"type": "date", "operator": "alltime"},
        "metric_filters": [{"property": "brand", "filter": asked}] if brand else None,
    }


def is_member(list_id: str) -> dict[str, Any]:
    """Return the condition that somebody is on a list."""
    return {"type": "profile-group-membership", "is_member": True, "group_ids": [list_id]}


async def add_segments(audience: Audience, definitions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Make segments, each of which a job is to work out, and return their ids."""
    found, now = [], audience.clock.now()
    async with audience.database.transaction() as transaction:
        for number, definition in enumerate(definitions):
            topics = frozenset(ProfileFilter.model_validate(definition).compile("segment").topics())
            new = NewSegment(f"Segment {number}", definition, topics)
            place = (transaction, audience.account_id, RandomIds())
            found.append(await create_segment(*place, new, now, SystemClock().now()))
    return found
