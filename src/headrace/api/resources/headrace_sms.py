"""Headrace's own operation by which text messages from people come in. Our choice: all of it."""

from __future__ import annotations

from headrace.api.commands import inbound_sms as commands
from headrace.jsonapi import shapes
from headrace.jsonapi.operation import XL, Operation
from headrace.jsonapi.resource import Attribute, Relationship, Resource

WRITE = ("headrace:sms:write",)

SMS = Resource(
    commands.TYPE,
    None,
    (
        Attribute("is_new", bool, description="Whether the message was not handed over before."),
        Attribute("keyword", str | None, description="stop, start or help; null for any other message."),
        Attribute("consent_changed", bool),
        Attribute("answer", str | None, description="What is being answered; null for nothing."),
    ),
    (Relationship("profile", "profile", links=False),),
)

OPERATIONS = (
    Operation(
        id="receive_headrace_sms",
        method="POST",
        path="/headrace/sms/inbound",
        shape=shapes.call,
        tag="Headrace",
        summary="Take in a text message that a person sent",
        scopes=WRITE,
        tier=XL,
        resource=SMS,
        command=commands.receive,
        body=commands.NewInboundSms,
    ),
)
RESOURCES = (SMS,)
