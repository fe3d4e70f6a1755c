"""What can be done with campaigns, of which there are none: every id of one is unknown."""

from __future__ import annotations

from typing import Any, Literal

from headrace.api.state import State
from headrace.errors import Invalid, NotFound, raise_any
from headrace.jsonapi.bodies import ToMany
from headrace.jsonapi.filter_rules import listed
from headrace.jsonapi.operation import Call

CampaignsBody = ToMany[Literal["campaign"]]

CHANNEL = "messages.channel"
REBUILT = "2026-10-15"
"""The revision from which on campaigns have several channels, and are not listed by one."""
ONLY_BEFORE, ONLY_SINCE = frozenset((CHANNEL, "status", "scheduled_at")), frozenset(("builder",))
"""Fields that campaigns are filtered by only before that revision, and only since. Source: the official SDK."""


async def name_unknown(call: Call[State, Any]) -> None:
    """Do nothing for no campaigns; raises `Problems` with a 404 for each that is named."""
    raise_any(
        [
            NotFound(f'A campaign with id "{one.id}" does not exist.', pointer=f"/data/{place}/id")
            for place, one in enumerate(call.body.data)
        ]
    )


def check_filter(call: Call[Any, Any]) -> None:
    """Raise `Invalid` where a list of campaigns is filtered by what its revision does not have, or lacks the channel.

    Source: the operation's description (a channel is required).
    """
    rebuilt = call.ctx.revision >= REBUILT
    unknown = ONLY_BEFORE if rebuilt else ONLY_SINCE
    asked = {one.field for one in call.query.filter}
    for name in sorted(asked & unknown):
        allowed = listed(sorted(call.operation.filters.keys() - unknown))
        raise Invalid(f'"{name}" is not a filterable field here; allowed fields: {allowed}.', parameter="filter")
    if not rebuilt and CHANNEL not in asked:
        raise Invalid(
            f"The filter must name a channel: equals({CHANNEL},'email'), 'sms' or 'mobile_push'.", parameter="filter"
        )
