"""The operations on tracking settings: what an account adds to its links. Follows reference 4.5.

Every account has one, whose id is the account's own, whether or not it was ever changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, select

from headrace.api.commands import tracking_settings as commands
from headrace.jsonapi import shapes
from headrace.jsonapi.bodies import Model
from headrace.jsonapi.operation import Call, M, Operation, Table
from headrace.jsonapi.query import Page
from headrace.jsonapi.resource import Attribute, Resource, Row
from headrace.model.tracking import ALWAYS, UTM
from headrace.storage import tables as t
from headrace.storage.tracking_settings import CUSTOM, settings_of

PARTS = ("campaign", "campaign.type", "campaign.value", "flow", "flow.type", "flow.value")
READ, WRITE = ("tracking-settings:read",), ("tracking-settings:write",)
SINCE = "2024-10-15"
"""Source: the models of the official SDK's releases."""


class Shown(Model):
    """A parameter as it is shown: with both sides, null where it is not added."""

    flow: commands.FlowValue | None
    campaign: commands.CampaignValue | None


class ShownCustom(Shown):
    """A parameter with a name of its own."""

    name: str


def _parameter(name: str) -> Callable[[Row], Any]:
    def read(row: Row) -> Any:
        sides = settings_of(row).utm[name]
        return None if sides is None else {"flow": None, "campaign": None, **sides}

    return read


def _type(name: str) -> Any:
    return Shown if name in ALWAYS else Shown | None


def _custom(row: Row) -> list[Any]:
    return list(settings_of(row).custom)


TRACKING_SETTING = Resource(
    "tracking-setting",
    "/api/tracking-settings/{id}",
    (
        Attribute("auto_add_parameters", bool, lambda row: settings_of(row).auto_add_parameters),
        *(
            Attribute(name, _type(name), _parameter(name), subfields=tuple(f"{name}.{part}" for part in PARTS))
            for name in UTM
        ),
        Attribute(CUSTOM, list[ShownCustom], _custom),
    ),
)

_SETTING = t.tracking_setting.c


def _own(call: Call[Any, Any]) -> Select[Any]:
    statement = select(t.account.c.account_id.label("id"), _SETTING.auto_add_parameters, _SETTING.parameters)
    joined = statement.outerjoin_from(t.account, t.tracking_setting, _SETTING.account_id == t.account.c.account_id)
    return joined.where(t.account.c.account_id == call.ctx.account_id)


TRACKING_SETTINGS = Table(_own, t.account.c.account_id)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="get_tracking_settings",
        method="GET",
        path="/api/tracking-settings",
        shape=shapes.listing,
        tag="Tracking Settings",
        summary="The tracking settings of the account, as a list of one",
        scopes=READ,
        tier=M,
        resource=TRACKING_SETTING,
        table=TRACKING_SETTINGS,
        sparse=("tracking-setting",),
        page=Page(1, 1),
        since=SINCE,
    ),
    Operation(
        id="get_tracking_setting",
        method="GET",
        path="/api/tracking-settings/{id}",
        shape=shapes.get,
        tag="Tracking Settings",
        summary="The tracking settings of the account",
        scopes=READ,
        tier=M,
        resource=TRACKING_SETTING,
        table=TRACKING_SETTINGS,
        sparse=("tracking-setting",),
        since=SINCE,
    ),
    Operation(
        id="update_tracking_setting",
        method="PATCH",
        path="/api/tracking-settings/{id}",
        shape=shapes.update,
        tag="Tracking Settings",
        summary="Change what is added to links",
        scopes=WRITE,
        tier=M,
        resource=TRACKING_SETTING,
        table=TRACKING_SETTINGS,
        command=commands.change,
        body=commands.ChangeBody,
        sparse=("tracking-setting",),
        since=SINCE,
    ),
)
RESOURCES: tuple[Resource, ...] = (TRACKING_SETTING,)
