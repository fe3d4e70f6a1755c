"""The operations under `/client/`, which browsers and phones call with an account's public id.

What is here: one row per operation. What is not: reviews, back-in-stock requests and places, which belong to parts that
Headrace does not have. The scopes are those that the descriptions name; a public id needs none of them. Follows the
operations' descriptions.
"""

from __future__ import annotations

from headrace.api.client_door import PARAMETER
from headrace.api.commands import client as commands
from headrace.api.commands import client_bodies as bodies
from headrace.api.commands import event_bodies
from headrace.api.commands.client_subscriptions import subscribe
from headrace.api.commands.push_tokens import NewToken
from headrace.api.commands.quick_events import quick_event
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import XL, M, Operation, Tier
from headrace.jsonapi.query import Parameter
from headrace.jsonapi.resource import Resource

COMPANY = (Parameter(PARAMETER, "The public id of the account.", required=True),)
SUBSCRIPTIONS = Tier(350, 750)
TOKENS = Tier(150, 1400)
LARGEST_TOKEN = 100 * 1024
"""Bytes of a body that holds a push token. Source: the description of the operation for servers."""

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        id="create_client_event",
        method="POST",
        path="/client/events",
        shape=shapes.call,
        tag="Client",
        summary="Record an event of a visitor",
        scopes=("events:write",),
        tier=XL,
        command=commands.create_event,
        body=event_bodies.NewEvent,
        read=quick_event,
        parameters=COMPANY,
        status=202,
        public=True,
    ),
    Operation(
        id="bulk_create_client_events",
        method="POST",
        path="/client/event-bulk-create",
        shape=shapes.call,
        tag="Client",
        summary="Record several events of a visitor",
        scopes=("events:write",),
        tier=M,
        command=commands.create_events,
        body=bodies.ClientEvents,
        parameters=COMPANY,
        status=202,
        public=True,
    ),
    Operation(
        id="create_client_profile",
        method="POST",
        path="/client/profiles",
        shape=shapes.call,
        tag="Client",
        summary="Make or change the profile of a visitor",
        scopes=("profiles:write",),
        tier=XL,
        command=commands.create_profile,
        body=bodies.ClientProfile,
        parameters=COMPANY,
        status=202,
        public=True,
    ),
    Operation(
        id="create_client_subscription",
        method="POST",
        path="/client/subscriptions",
        shape=shapes.call,
        tag="Client",
        summary="Subscribe a visitor to a list",
        scopes=("subscriptions:write",),
        tier=SUBSCRIPTIONS,
        command=subscribe,
        body=bodies.ClientSubscription,
        parameters=COMPANY,
        status=202,
        public=True,
    ),
    Operation(
        id="create_client_push_token",
        method="POST",
        path="/client/push-tokens",
        shape=shapes.call,
        tag="Client",
        summary="Take in the device of a visitor",
        tier=TOKENS,
        command=commands.create_push_token,
        body=NewToken,
        parameters=COMPANY,
        status=202,
        max_body=LARGEST_TOKEN,
        public=True,
    ),
    Operation(
        id="unregister_client_push_token",
        method="POST",
        path="/client/push-token-unregister",
        shape=shapes.call,
        tag="Client",
        summary="Forget the device of a visitor",
        tier=M,
        command=commands.unregister_push_token,
        body=bodies.UnregisterToken,
        parameters=COMPANY,
        status=202,
        max_body=LARGEST_TOKEN,
        public=True,
    ),
)
RESOURCES: tuple[Resource, ...] = ()
