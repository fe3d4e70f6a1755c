"""Events of a metric, and requests for their aggregates, for tests of the API."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from api_client import NOW, Api
from httpx import Response
from people import pointers

from headrace.ids import bucket_of, event_number
from headrace.model import Account, Channel
from headrace.reports.attribution import WINDOWS
from headrace.storage.conversions import Candidate, attribute_conversions
from headrace.storage.events import NewEvent, insert_quietly
from headrace.storage.metrics import API, Metrics
from headrace.storage.partitions import Partitions
from headrace.storage.serials import Serials

AGGREGATES = "/api/metric-aggregates"
START, END = "2026-11-02T00:00:00", "2026-11-05T00:00:00"
ATTRIBUTES = "/data/attributes"

_INTERACTION = """
INSERT INTO interaction (bucket, account_id, profile_id, at, number, kind, channel, delivery_id, flow_id, message_id,
                         variation, format, sent_at)
VALUES ($1, $2, $3, $4, 1, 4, $5, md5($6)::uuid, $6, $7, '', '', $4)
"""
_MESSAGE = """
INSERT INTO flow_message (message_id, account_id, flow_id, action_id, channel, name, definition, created_at, updated_at)
VALUES ($1, $2, 'FLOW01', 1, $3, $1, '{}', $4, $4)
"""


def moment(day: int, hour: int = 12, minute: int = 0) -> datetime:
    """Return a moment of November 2026 in UTC."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


class Shop:
    """Writes events of an account, a metric's at a time."""

    def __init__(self, api: Api, account: Account | None = None) -> None:
        services = api.services
        self.database = services.database
        self.account_id = (account or api.account).account_id
        self.metrics = Metrics(self.database, services.system_clock, services.ids)
        self.partitions = Partitions(self.database, services.system_clock)
        self.serials = Serials(self.database)

    async def metric(self, name: str = "Placed Order") -> str:
        """Return the id of a metric."""
        return (await self.metrics.ids(self.account_id, [name], API))[name]

    async def happen(self, *events: tuple[datetime, str, dict[str, Any]], name: str = "Placed Order") -> list[NewEvent]:
        """Write events: when, to whom, and `value`, `currency` or properties."""
        metric = await self.metric(name)
        serials = await self.serials.take(len(events))
        made = [_event(metric, serial, *event) for serial, event in zip(serials, events, strict=True)]
        await self.partitions.ensure("event", {event.occurred_at for event in made})
        async with self.database.transaction() as transaction:
            await insert_quietly(transaction, self.account_id, made)
        return made

    async def attribute(self, *events: NewEvent) -> None:
        """Attribute events to what their people did before."""
        given = [Candidate(e.bucket, e.profile_id, e.metric_id, e.number, e.occurred_at, e.value) for e in events]
        async with self.database.transaction() as transaction:
            await attribute_conversions(transaction, self.account_id, given, WINDOWS)

    async def opened(
        self, at: datetime, person: str, flow: str, message: str, channel: Channel = Channel.EMAIL
    ) -> None:
        """Let somebody open a flow's message."""
        async with self.database.transaction() as transaction:
            await transaction.execute(
                _INTERACTION, bucket_of(person), self.account_id, person, at, channel, flow, message
            )

    async def message(self, message_id: str, channel: Channel) -> None:
        """Make a message of a flow."""
        async with self.database.transaction() as transaction:
            await transaction.execute(_MESSAGE, message_id, self.account_id, channel, NOW)


def _event(metric: str, serial: int, at: datetime, person: str, what: dict[str, Any]) -> NewEvent:
    rest = {name: value for name, value in what.items() if name not in ("value", "currency")}
    value = what.get("value")
    return NewEvent(
        bucket_of(person),
        person,
        metric,
        str(serial),
        event_number(at, serial),
        at,
        rest,
        None if value is None else Decimal(value),
        what.get("currency"),
    )


def within(start: str = START, end: str = END, *others: str) -> list[str]:
    """Return a list of filters."""
    return [f"greater-or-equal(datetime,{start})", f"less-than(datetime,{end})", *others]


def body(metric_id: str, **attributes: Any) -> dict[str, Any]:
    """Return a request for counts of the first days of November, unless told otherwise."""
    asked = {"metric_id": metric_id, "measurements": ["count"], "filter": within(), **attributes}
    return {"data": {"type": "metric-aggregate", "attributes": asked}}


async def query(api: Api, metric_id: str, **attributes: Any) -> dict[str, Any]:
    """Return the document of a request."""
    answer = await api.post(AGGREGATES, body(metric_id, **attributes))
    assert 200 == answer.status_code, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def rows(api: Api, metric_id: str, measurement: str = "count", **attributes: Any) -> dict[tuple[str, ...], Any]:
    """Return the figures of a measurement by dimensions."""
    asked = {"measurements": [measurement], **attributes}
    data = (await query(api, metric_id, **asked))["data"]["attributes"]["data"]
    return {tuple(one["dimensions"]): one["measurements"][measurement] for one in data}


def refused(answer: Response) -> list[str]:
    """Return the pointers of the errors of an answer that must be a 400."""
    assert 400 == answer.status_code, answer.text
    return pointers(answer)
