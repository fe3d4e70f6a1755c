"""The operations that subscribe and unsubscribe people. Follows reference 4.4 and the operations' descriptions."""

from __future__ import annotations

from headrace.api.commands import subscriptions as commands
from headrace.api.commands.subscription_bodies import SubscribeJob, UnsubscribeJob
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import Operation, Tier

SCOPES = ("lists:write", "profiles:write", "subscriptions:write")
TIER = Tier(75, 750)

OPERATIONS = (
    Operation(
        id="bulk_subscribe_profiles",
        method="POST",
        path="/api/profile-subscription-bulk-create-jobs",
        shape=shapes.call,
        tag="Profiles",
        summary="Subscribe people",
        scopes=SCOPES,
        tier=TIER,
        command=commands.subscribe,
        body=SubscribeJob,
        status=202,
    ),
    Operation(
        id="bulk_unsubscribe_profiles",
        method="POST",
        path="/api/profile-subscription-bulk-delete-jobs",
        shape=shapes.call,
        tag="Profiles",
        summary="Unsubscribe people",
        scopes=SCOPES,
        tier=TIER,
        command=commands.unsubscribe,
        body=UnsubscribeJob,
        status=202,
    ),
)
RESOURCES = ()
