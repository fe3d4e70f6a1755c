"""What the actions that send a message have in common.

A draft or disabled action is passed over silently; a manual one puts its message up for review and the run goes on; a
live one sends. The gates before a send (`messages/gates`) ask the flow's filter and `additional_filters`.
Source: reference 1.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.conditions import EVERYBODY, CompiledFilter, ProfileFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import RUNNING, OneWay, Place, Status
from headrace.flows.step import Advance, Outcome, Send, Skip, StepContext
from headrace.flows.timeline import PAST_DUE, Timeline, missed_at
from headrace.model import Channel


class TrackingParam(Model):
    """One UTM parameter of a message's links."""

    param: str
    value: str


class MessageModel(Model):
    """The fields that every message of a sending action has."""

    name: str | None = None
    id: str | None = None

    @property
    def asked(self) -> Any:
        """The condition groups that are asked before this message only, None for none."""
        return None

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return what the message lacks before it can be sent: pointers within it, and words after its action."""
        return []

    def content(self) -> Mapping[str, Any]:
        """Return the message with its defaults filled, without the filters, which are compiled apart.

        Whether its links get UTM parameters is left out where it says nothing of it: that is the account's choice then.
        """
        left_out = {"additional_filters"} | ({"add_tracking_params"} - self.model_fields_set)
        # Unions are told apart by the document's own keys, which models do not have: pydantic would warn of that.
        return self.model_dump(exclude=left_out, warnings=False)


class FilteredMessage(MessageModel):
    """A message to the person, which may have filters of its own."""

    additional_filters: ProfileFilter | None = None

    @property
    def asked(self) -> Any:
        """The message's own condition groups."""
        return self.additional_filters


class SendData(Model):
    """The message of a sending action and its status."""

    message: MessageModel | None = None
    status: Status = "draft"


class SendModel(OneWay):
    """A sending action as a document writes it; one without a message is as a draft."""

    channel: ClassVar[Channel]

    data: SendData | None = None

    @property
    def message(self) -> MessageModel | None:
        """The message, None where it is missing."""
        return self.data.message if self.data else None

    @property
    def status(self) -> Status:
        """The action's own status."""
        return self.data.status if self.data else "draft"

    @property
    def acts(self) -> bool:
        """Whether it sends, at once or after a review."""
        return self.status in RUNNING and self.message is not None

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the message's condition groups."""
        asked = self.message.asked if self.message else None
        return [("/data/message/additional_filters", asked)] if asked else []

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return that the message is missing, or what it lacks itself."""
        if self.message is None:
            return [("/data/message", "has no message")]
        return [(f"/data/message{pointer}", words) for pointer, words in self.message.lacks]

    def compile(self, place: Place) -> CompiledSend:
        """Return the compiled action."""
        return compile_send(self, place, self.next_id, self.status)


def compile_send(
    model: SendModel, place: Place, next_id: int | None, status: Status, variation: str = ""
) -> CompiledSend:
    """Return the compiled form of a sending action, which may be one variation of an experiment."""
    message = model.message
    sample_place = f"{place.action_id}:{variation}" if variation else str(place.action_id)
    return CompiledSend(
        action_id=place.action_id,
        type=model.type,
        next_id=next_id,
        channel=model.channel,
        status=status,
        acts=status in RUNNING and message is not None,
        message_id=(message.id if message else None) or "",
        message=message.content() if message else {},
        additional_filters=message.asked.compile(sample_place) if message and message.asked else EVERYBODY,
        variation=variation,
        awaits=place.awaited and status == "live",
        timeline=place.timeline,
    )


@dataclass(frozen=True, slots=True)
class CompiledSend:
    """A compiled sending action, or one variation of an experiment."""

    action_id: int
    type: str
    next_id: int | None
    channel: Channel
    status: Status
    acts: bool
    message_id: str
    message: Mapping[str, Any]
    additional_filters: CompiledFilter
    variation: str = ""
    awaits: bool = False
    timeline: Timeline | None = None

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return what the additional filters must know, nothing for an action that does not send."""
        return self.additional_filters.needs(moment) if self.acts else NO_NEEDS

    def step(self, context: StepContext) -> Outcome:
        """Send, send for review, or pass over in silence."""
        if not self.acts:
            return Advance(self.next_id)
        if self.timeline and missed_at(self.timeline, context):
            return Skip(PAST_DUE, self.next_id)
        return Send(
            self.channel,
            self.message_id,
            self.message,
            self.next_id,
            review=self.status == "manual",
            variation=self.variation,
            additional_filters=self.additional_filters,
            awaits=self.awaits,
        )
