"""The operation that merges two profiles.

The answer names the remaining profile and shows nothing else of it. Follows reference 7.2 and 7.7.
"""

from __future__ import annotations

from headrace.api.commands import profile_merge as commands
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import M, Operation
from headrace.jsonapi.resource import Resource

MERGED = Resource("profile", "/api/profiles/{id}", id=lambda row: row["profile_id"])
"""A profile of which only the id is shown."""

OPERATIONS = (
    Operation(
        id="merge_profiles",
        method="POST",
        path="/api/profile-merge",
        shape=shapes.call,
        tag="Profiles",
        summary="Merge one profile into another one",
        scopes=("profiles:write",),
        tier=M,
        resource=MERGED,
        command=commands.merge_profiles,
        body=commands.ProfileMerge,
        sparse=("profile",),
        status=201,
    ),
)
RESOURCES: tuple[Resource, ...] = ()
