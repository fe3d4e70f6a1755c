"""The operation that shows a flow as the legacy document `/flow/<id>.json`. Follows reference 8.3."""

from __future__ import annotations

from headrace.api.commands import flow_json as commands
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import Operation

OPERATIONS = (
    Operation(
        id="get_flow_json",
        method="GET",
        path="/flow/{id}.json",
        shape=shapes.call,
        tag="Flows",
        summary="Read a flow with its definition in the older, camelCase spelling",
        scopes=("flows:read",),
        command=commands.show,
        answer={"type": "object", "additionalProperties": True},
    ),
)
