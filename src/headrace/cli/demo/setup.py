"""Setting the sample shop up: its account, its flow and its people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.cli.demo.shop import Shopper, shoppers
from headrace.clock import Clock, VirtualClock
from headrace.ids import RandomIds, bucket_of
from headrace.model import Account, Channel
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.flow_files import import_flow
from headrace.storage.identity import IncomingProfile
from headrace.storage.keys import create_key
from headrace.storage.metrics import Metrics
from headrace.storage.resolve import Resolver

NAME = "Millstream Supply"
ZONE = "America/New_York"

_CONSENTS = """
INSERT INTO consent (bucket, account_id, profile_id, channel, subscription, changed_at, method)
SELECT bucket, $1, profile_id, $4, 'SUBSCRIBED', $5, 'MANUAL_IMPORT'
FROM unnest($2::smallint[], $3::text[]) AS agreed (bucket, profile_id)
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """The sample shop as it stands before the play; `key` is a private key for everything."""

    account: Account
    key: str
    flow_id: str
    list_id: str
    order_metric_id: str
    people: dict[str, Shopper]


async def open_shop(database: Database, document: Any, start: datetime, people: int, system: Clock) -> Shop:
    """Make the account with a clock that stands at `start`, import the flow and invent people."""
    ids = RandomIds()
    blank = Account(
        account_id="",
        name=NAME,
        timezone=ZONE,
        sender_email="hello@millstream.example",
        sender_label=NAME,
        organization={"name": NAME, "url": "https://shop.example.com", "city": "Portland", "region": "ME"},
    )
    account = await create_account(database, ids, blank, VirtualClock(start))
    key, _ = await create_key(database, ids, system, account.account_id, "demo", ["*"])
    imported = await import_flow(
        database, account.account_id, ids, start, document, create_missing=True, status="draft"
    )
    made = {one.name: one.made_id for one in imported.made}
    metrics = await Metrics(database, system, ids).ids(account.account_id, ["Placed Order"])
    invited = await _invite(database, account.account_id, start, people)
    return Shop(account, key, imported.flow_id, made["Newsletter"], metrics["Placed Order"], invited)


async def _invite(database: Database, account_id: str, now: datetime, count: int) -> dict[str, Shopper]:
    everybody = shoppers(count)
    async with database.transaction() as transaction:
        resolver = Resolver(transaction, account_id, RandomIds(), now)
        found = await resolver.resolve([_person(one) for one in everybody])
        people = {str(profile_id): one for profile_id, one in zip(found, everybody, strict=True)}
        texted = [profile_id for profile_id, one in people.items() if one.takes_sms]
        buckets = [bucket_of(profile_id) for profile_id in texted]
        await transaction.execute(_CONSENTS, account_id, buckets, texted, int(Channel.SMS), now)
    return people


def _person(shopper: Shopper) -> IncomingProfile:
    fields = {"first_name": shopper.first_name, "last_name": shopper.last_name, "timezone": shopper.zone}
    location = {"timezone": shopper.zone}
    return IncomingProfile(email=shopper.email, phone_number=shopper.phone_number, fields=fields, location=location)
