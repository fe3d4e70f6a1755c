"""Text messages from people, as whoever receives them hands them over. Follows reference 4.5 and 5.2."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from headrace.api.commands.values import Phone, ShortText
from headrace.api.state import State
from headrace.engine.inbound_sms import InboundSms, Place, take_in
from headrace.jsonapi.bodies import Model, New
from headrace.jsonapi.operation import Call

TYPE = "headrace-inbound-sms"
Body = Annotated[str, StringConstraints(max_length=2000)]
"""Our choice: longer than any text message."""


class SmsAttributes(Model):
    """A message; `message_id` is the provider's own name of it, by which a repetition is known."""

    sender: Phone = Field(alias="from")
    to: Phone | None = None
    body: Body
    message_id: ShortText | None = None


class NewInboundSms(New[Literal["headrace-inbound-sms"], SmsAttributes]):
    """The body of POST /headrace/sms/inbound."""


async def receive(call: Call[State, NewInboundSms]) -> dict[str, Any]:
    """Take a message in and return its document."""
    state, given = call.ctx.state, call.body.data.attributes
    services = state.services
    place = Place(state.account, services.ids, state.clock.now(), services.system_clock.now())
    message = InboundSms(given.sender, given.body, given.to or "", given.message_id or "")
    done = await take_in(state.database, services.own_events, place, message)
    attributes = {
        "is_new": done.is_new,
        "keyword": done.keyword.value if done.keyword else None,
        "consent_changed": done.changed,
        "answer": done.answer,
    }
    person = {"data": {"type": "profile", "id": done.profile_id}}
    made = {"type": TYPE, "id": given.message_id or services.ids.uuid(), "attributes": attributes}
    return {"data": {**made, "relationships": {"profile": person}}}
