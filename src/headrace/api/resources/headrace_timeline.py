"""Headrace's own operation on what happened to a person. Our choice: everything in one order, the newest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import true

from headrace.api.commands import timeline as commands
from headrace.api.resources.people import PROFILE, PROFILES
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.operation import XL, Operation, Shown
from headrace.jsonapi.query import Page
from headrace.jsonapi.resource import Attribute, Resource
from headrace.storage.timeline import KINDS

READ = ("headrace:profiles:read",)

ITEM = Resource(
    "timeline-item",
    None,
    (
        Attribute("kind", str, description=f"One of {', '.join(KINDS)}."),
        Attribute("at", datetime, description="When it happened, by the account's clock."),
        Attribute("title", str, description="What happened, in a few words."),
        Attribute("details", dict[str, Any], description="What it concerns, by id and by name."),
    ),
)

OPERATIONS = (
    Operation(
        id="get_headrace_profile_timeline",
        method="GET",
        path="/headrace/profiles/{id}/timeline",
        shape=shapes.call,
        tag="Headrace",
        summary="Read what happened to a person, the newest first",
        scopes=READ,
        tier=XL,
        resource=ITEM,
        parent=(PROFILE, PROFILES),
        command=commands.show,
        answer=Shown("timeline-item", many=True),
        # The command reads the filter itself: kinds are sources, not rows of one table.
        filters={"kind": Filterable("enum", ("equals", "any"), values=KINDS, clause=lambda *_: true())},
        sparse=("timeline-item",),
        page=Page(default=50, maximum=100),
    ),
)
RESOURCES = (ITEM,)
