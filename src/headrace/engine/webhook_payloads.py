"""What a webhook is told: the body of a call and the headers that sign it.

What is here: pure functions. What is not: what is waiting (`storage.webhook_queue`) and calling (`webhooks`).

Source: the public guide to system webhooks (envelope, headers and signature; at most 1,000 events).

Our choice: an event's payload includes its profile, with its identifiers and names, and its metric, because the guide
says only that it has the structure of an event, and a receiver that knows no address can do little with it.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

import orjson

from headrace.ids import event_id, event_uuid
from headrace.model import Profile
from headrace.storage.database import Row

log = logging.getLogger(__name__)

MOST_EVENTS = 1000
"""Events of one call. Source: the public guide to system webhooks."""
MOST_BYTES = 512 * 1024
"""Our choice: about so many bytes of one call, which usual servers take; a single larger event goes alone."""
VERSION = "2026-10-15"
"""The revision whose events these are."""
_SHOWN = ("email", "phone_number", "external_id", "first_name", "last_name", "organization", "locale", "title", "image")


@dataclass(frozen=True, slots=True)
class Letter:
    """The body of a call; `rows` are those that it settles, the ones of people who are gone among them."""

    body: bytes
    rows: Sequence[Row]
    events: int


@dataclass(frozen=True, slots=True)
class Address:
    """Whom and where from: the account's and the webhook's ids, and the public address that links begin with."""

    account_id: str
    webhook_id: str
    public_url: str


def write_letter(
    address: Address,
    rows: Sequence[Row],
    people: Mapping[str, Profile],
    metrics: Mapping[str, str],
    now: datetime,
) -> Letter:
    """Return the call that tells the first of some queued events; `people` and names of `metrics` are by id.

    Somebody who was merged is told of as the one they are now. An event whose person is gone is not told. `now` is
    system time.
    """
    taken: list[bytes] = []
    size = settled = 0
    for row in rows[:MOST_EVENTS]:
        item = _encoded(address, row, people.get(row["profile_id"]), metrics.get(row["metric_id"], ""))
        if item is not None:
            if taken and size + len(item) > MOST_BYTES:
                break
            taken.append(item)
            size += len(item)
        settled += 1
    return Letter(_body(address, taken, now), rows[:settled], len(taken))


def headers(webhook_id: str, secret: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a call: its time, and the hexadecimal HMAC-SHA-256 of the body followed by that."""
    timestamp = format_datetime(now, usegmt=True)
    signature = hmac.new(secret.encode(), body + timestamp.encode(), "sha256").hexdigest()
    return {
        "Content-Type": "application/json",
        "Klaviyo-Signature": signature,
        "Klaviyo-Timestamp": timestamp,
        "Klaviyo-Webhook-Id": webhook_id,
    }


def _encoded(address: Address, row: Row, profile: Profile | None, metric: str) -> bytes | None:
    """Return one event as JSON, None where its person is gone, or where it is nested too deeply to be written."""
    try:
        return None if profile is None else orjson.dumps(_item(address, row, profile, metric))
    except orjson.JSONEncodeError:
        log.exception("event %s of webhook %s cannot be told", row["event_number"], address.webhook_id)
        return None


def _body(address: Address, items: Iterable[bytes], now: datetime) -> bytes:
    meta = {
        "klaviyo_account_id": address.account_id,
        "klaviyo_webhook_id": address.webhook_id,
        "timestamp": now.isoformat(timespec="seconds"),
        "version": VERSION,
    }
    return orjson.dumps({"data": [orjson.Fragment(item) for item in items], "meta": meta})


def _item(address: Address, row: Row, profile: Profile, metric: str) -> dict[str, Any]:
    number = row["event_number"]
    return {
        "external_id": event_id(number),
        "topic": row["topic"],
        "payload": {
            "data": _event(address.public_url, row, profile.profile_id),
            "included": _included(address.public_url, row, profile, metric),
        },
    }


def _event(public_url: str, row: Row, profile_id: str) -> dict[str, Any]:
    number, occurred_at = row["event_number"], row["occurred_at"]
    own = f"{public_url}/api/events/{event_id(number)}"
    return {
        "type": "event",
        "id": event_id(number),
        "attributes": {
            "timestamp": int(occurred_at.timestamp()),
            "event_properties": row["properties"],
            "datetime": occurred_at.isoformat(),
            "uuid": event_uuid(number),
        },
        "relationships": {
            "profile": _related(own, "profile", profile_id),
            "metric": _related(own, "metric", row["metric_id"]),
        },
        "links": {"self": own},
    }


def _related(own: str, kind: str, id_: str) -> dict[str, Any]:
    links = {"self": f"{own}/relationships/{kind}", "related": f"{own}/{kind}"}
    return {"data": {"type": kind, "id": id_}, "links": links}


def _included(public_url: str, row: Row, profile: Profile, metric: str) -> list[dict[str, Any]]:
    told = {name: getattr(profile, name) for name in _SHOWN}
    return [
        _resource(public_url, "profile", profile.profile_id, told),
        _resource(public_url, "metric", row["metric_id"], {"name": metric}),
    ]


def _resource(public_url: str, kind: str, id_: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    links = {"self": f"{public_url}/api/{kind}s/{id_}"}
    return {"type": kind, "id": id_, "attributes": attributes, "links": links}
