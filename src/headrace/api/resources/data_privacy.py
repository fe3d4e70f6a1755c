"""The operation that deletes a person for good. Follows reference 7.2."""

from __future__ import annotations

from headrace.api.commands import data_privacy as commands
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import S_TIER, Operation
from headrace.jsonapi.resource import Resource

OPERATIONS = (
    Operation(
        id="request_profile_deletion",
        method="POST",
        path="/api/data-privacy-deletion-jobs",
        shape=shapes.call,
        tag="Data Privacy",
        summary="Delete a person for good",
        scopes=("data-privacy:write",),
        tier=S_TIER,
        command=commands.delete_profile,
        body=commands.DeletionJob,
        status=202,
    ),
)
RESOURCES: tuple[Resource, ...] = ()
