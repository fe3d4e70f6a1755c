"""Headrace's own operations on the clock of a test account."""

from __future__ import annotations

from datetime import datetime

from headrace.api.commands import clock as commands
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import XL, Operation
from headrace.jsonapi.resource import Attribute, Resource

READ = ("headrace:clock:read",)
WRITE = ("headrace:clock:write",)

CLOCK = Resource(
    commands.TYPE,
    "/headrace/clock",
    (
        Attribute("mode", str, description="`frozen` on a clock of its own, `system` on the machine's."),
        Attribute("now", datetime),
        Attribute("next_at", datetime | None, description="When the next thing is due after now."),
        Attribute("test", bool, description="Whether the clock may be stopped and moved."),
        Attribute("work", int | None, description="How many things a move did."),
        Attribute("complete", bool, description="False where a move ended early; ask again to go on."),
    ),
)

OPERATIONS = (
    Operation(
        id="get_headrace_clock",
        method="GET",
        path="/headrace/clock",
        shape=shapes.call,
        tag="Headrace",
        summary="Tell where the account's clock stands",
        scopes=READ,
        tier=XL,
        resource=CLOCK,
        command=commands.show,
    ),
    Operation(
        id="act_on_headrace_clock",
        method="POST",
        path="/headrace/clock",
        shape=shapes.call,
        tag="Headrace",
        summary="Freeze, advance or release the clock of a test account",
        scopes=WRITE,
        tier=XL,
        resource=CLOCK,
        command=commands.act,
        body=commands.NewClock,
    ),
)
RESOURCES = (CLOCK,)
