"""What the API shows of push tokens, and where their rows come from.

What is here: the resource push-token, its table and the loader of people's tokens. What is not: the operations
(`push_tokens`). A token is named by an id that follows from it, and found by its own value, too.
Source: reference 7.1 and the operations' descriptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, select

from headrace.api.resources.group_tables import by_parent
from headrace.api.resources.shown_people import ShownDevice
from headrace.ids import bucket_of
from headrace.jsonapi.operation import Call, Table
from headrace.jsonapi.resource import Attribute, Relationship, Resource, Row
from headrace.storage import tables as t
from headrace.storage.push_tokens import ALLOWED, BACKGROUNDS, DENIED, id_in

METADATA = (
    "device_id",
    "klaviyo_sdk",
    "sdk_version",
    "device_model",
    "os_name",
    "os_version",
    "manufacturer",
    "app_name",
    "app_version",
    "app_build",
    "app_id",
    "environment",
)
"""What a device tells of itself; `klaviyo_sdk` is the API's own name of the library that it runs."""
VENDOR_NAMES = {"apns": "APNs", "fcm": "FCM"}

_ROW = t.push_token.c


def _metadata(row: Row) -> dict[str, Any]:
    return {name: row["metadata"].get(name) for name in METADATA}


PUSH_TOKEN = Resource(
    "push-token",
    "/api/push-tokens/{id}",
    (
        Attribute("created", datetime, lambda row: row["created_at"]),
        Attribute("token", str),
        Attribute("enablement_status", str),
        Attribute("platform", str),
        Attribute("vendor", str, lambda row: VENDOR_NAMES.get(row["vendor"], row["vendor"])),
        Attribute("background", str | None),
        Attribute("recorded_date", datetime, lambda row: row["updated_at"]),
        Attribute("metadata", ShownDevice, _metadata, subfields=tuple(f"metadata.{name}" for name in METADATA)),
    ),
    (Relationship("profile", "profile", ids=lambda row: row["profile_id"]),),
)

KEY = func.md5(_ROW.token, type_=_ROW.token.type)
STATUS = func.coalesce(_ROW.enablement_status, case((_ROW.enabled, ALLOWED), else_=DENIED))
_COLUMNS = (
    KEY.label("id"),
    _ROW.token,
    _ROW.platform,
    _ROW.vendor,
    STATUS.label("enablement_status"),
    func.coalesce(_ROW.background, BACKGROUNDS[0]).label("background"),
    _ROW.metadata,
    _ROW.created_at,
    _ROW.updated_at,
    _ROW.profile_id,
)


def select_tokens(call: Call[Any, Any]) -> Select[Any]:
    """Return the account's push tokens."""
    return select(*_COLUMNS).where(_ROW.account_id == call.ctx.account_id)


async def of_profiles(call: Call[Any, Any], rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Load the tokens of the profiles of a page, the oldest first."""
    people = [row["id"] for row in rows]
    statement = (
        select_tokens(call)
        .add_columns(_ROW.profile_id.label("parent_id"))
        .where(_ROW.bucket.in_(sorted({bucket_of(one) for one in people})), _ROW.profile_id.in_(people))
        .order_by(_ROW.created_at, _ROW.token)
    )
    return by_parent(await call.ctx.fetch(statement))


TOKENS = Table(select_tokens, KEY, id_in)
