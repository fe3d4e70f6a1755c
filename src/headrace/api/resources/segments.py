"""The operations on segments. Who is in one the engine keeps. Follows reference 7.6 and 7.7."""

from __future__ import annotations

from headrace.api.commands import segments as commands
from headrace.api.resources import flow_triggers
from headrace.api.resources.group_rows import (
    BY_PROFILE_ID,
    FILTERS,
    INCLUDES,
    LINKAGE,
    MEMBER_FILTERS,
    PAGE,
    SORTS,
    member_operations,
    tag_operations,
)
from headrace.api.resources.group_tables import PROFILE_COUNT, SEGMENT, SEGMENTS
from headrace.jsonapi import shapes
from headrace.jsonapi.filter_rules import Filterable
from headrace.jsonapi.operation import S_TIER, XS, L, Operation, Tier
from headrace.storage import tables as t

SINCE = "2024-07-15"
"""The first served revision in which segments are made and deleted, and show their definition (2024-06-15)."""
READ, WRITE = ("segments:read",), ("segments:write",)
WRITE_TIER = Tier(1, 15, 100)

SEGMENT_FILTERS = {
    **FILTERS,
    "is_active": Filterable("bool", ("any", "equals"), t.profile_group.c.is_active),
    "is_starred": Filterable("bool", ("equals",), t.profile_group.c.is_starred),
}

OPERATIONS = (
    Operation(
        id="get_segments",
        method="GET",
        path="/api/segments",
        shape=shapes.listing,
        tag="Segments",
        summary="List segments",
        scopes=READ,
        tier=L,
        resource=SEGMENT,
        table=SEGMENTS,
        filters=SEGMENT_FILTERS,
        sorts=SORTS,
        includes=INCLUDES,
        linkage=LINKAGE,
        sparse=("segment", "flow", "tag"),
        page=PAGE,
    ),
    Operation(
        id="create_segment",
        method="POST",
        path="/api/segments",
        shape=shapes.create,
        tag="Segments",
        summary="Make a segment",
        scopes=WRITE,
        tier=WRITE_TIER,
        resource=SEGMENT,
        table=SEGMENTS,
        command=commands.create_segment,
        body=commands.NewSegmentBody,
        linkage=LINKAGE,
        sparse=("segment",),
        status=201,
        since=SINCE,
    ),
    Operation(
        id="get_segment",
        method="GET",
        path="/api/segments/{id}",
        shape=shapes.get,
        tag="Segments",
        summary="Read a segment",
        scopes=READ,
        tier=L,
        resource=SEGMENT,
        table=SEGMENTS,
        includes=INCLUDES,
        linkage=LINKAGE,
        sparse=("segment", "flow", "tag"),
        additional={"segment": (PROFILE_COUNT,)},
        costly={f"additional-fields[segment]={PROFILE_COUNT}": XS},
    ),
    Operation(
        id="update_segment",
        method="PATCH",
        path="/api/segments/{id}",
        shape=shapes.update,
        tag="Segments",
        summary="Change a segment, activate or deactivate it",
        scopes=WRITE,
        tier=WRITE_TIER,
        resource=SEGMENT,
        table=SEGMENTS,
        command=commands.update_segment,
        body=commands.ChangedSegmentBody,
        linkage=LINKAGE,
        sparse=("segment",),
    ),
    Operation(
        id="delete_segment",
        method="DELETE",
        path="/api/segments/{id}",
        shape=shapes.delete,
        tag="Segments",
        summary="Delete a segment",
        scopes=WRITE,
        resource=SEGMENT,
        table=SEGMENTS,
        command=commands.delete_segment,
        status=204,
        since=SINCE,
    ),
    *member_operations(SEGMENT, SEGMENTS, "Segments", "segments:read", {**BY_PROFILE_ID, **MEMBER_FILTERS}),
    *tag_operations(SEGMENT, SEGMENTS, "Segments", "segments:read"),
    *flow_triggers.operations(SEGMENT, SEGMENTS, "Segments", "segments:read", S_TIER),
)
RESOURCES = (SEGMENT,)
