"""What the actions that send a message have in common.

A draft or disabled action is passed over silently; a manual one puts its message up for review and the run goes on; a
live one sends. The gates before a send (`messages/gates`) ask the flow's filter and `additional_filters`.
Source: reference 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.conditions import EVERYBODY, CompiledFilter, ProfileFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import RUNNING, ActionModel, Links, Place, Status, number
from headrace.flows.step import Advance, Outcome, Send, StepContext
from headrace.model import Channel


class TrackingParam(Model):
    """One UTM parameter of a message's links."""

    param: str
    value: str


class MessageModel(Model):
    """The fields that every message of a sending action has."""

    additional_filters: ProfileFilter | None = None
    name: str | None = None
    id: str | None = None

    def content(self) -> Mapping[str, Any]:
        """Return the message with its defaults filled, without the filters, which are compiled apart."""
        return self.model_dump(exclude={"additional_filters"})


class SendModel(ActionModel):
    """The fields that every sending action has beside its `data`."""

    links: Links | None = None


def filters_of(message: MessageModel | None) -> list[tuple[str, Any]]:
    """Return a message's condition groups with their pointer in the action."""
    found = message.additional_filters if message else None
    return [("/data/message/additional_filters", found)] if found else []


def compile_send(
    model: SendModel, place: Place, channel: Channel, message: MessageModel | None, status: Status
) -> CompiledSend:
    """Return the compiled form of any sending action; one without a message is as a draft."""
    asked = message.additional_filters if message else None
    return CompiledSend(
        action_id=place.action_id,
        type=model.type,
        next_id=number(model.links.next) if model.links else None,
        channel=channel,
        status=status,
        acts=status in RUNNING and message is not None,
        message_id=(message.id if message else None) or "",
        message=message.content() if message else {},
        additional_filters=asked.compile(str(place.action_id)) if asked else EVERYBODY,
    )


@dataclass(frozen=True, slots=True)
class CompiledSend:
    """A compiled sending action."""

    action_id: int
    type: str
    next_id: int | None
    channel: Channel
    status: Status
    acts: bool
    message_id: str
    message: Mapping[str, Any]
    additional_filters: CompiledFilter

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return what the additional filters must know, nothing for an action that does not send."""
        return self.additional_filters.needs(moment) if self.acts else NO_NEEDS

    def step(self, context: StepContext) -> Outcome:
        """Send, send for review, or pass over in silence."""
        if not self.acts:
            return Advance(self.next_id)
        return Send(
            self.channel,
            self.message_id,
            self.message,
            self.next_id,
            review=self.status == "manual",
            additional_filters=self.additional_filters,
        )
