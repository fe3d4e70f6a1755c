"""`send-sms`. Source: reference 2.2."""

from __future__ import annotations

from typing import Any, Literal

from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, Place, Status
from headrace.flows.actions.sending import MessageModel, SendModel, TrackingParam, compile_send, filters_of
from headrace.model import Channel


class SmsMessage(MessageModel):
    """A text message; `message_hierarchy`, its richer forms, is kept as it is given."""

    body: str
    image_id: str | None = None
    dynamic_image: str | None = None
    message_hierarchy: list[dict[str, Any] | str] | None = None
    shorten_links: bool = True
    include_contact_card: bool = False
    add_org_prefix: bool = True
    add_info_link: bool = True
    add_opt_out_language: bool = False
    smart_sending_enabled: bool = True
    sms_quiet_hours_enabled: bool = True
    transactional: bool = False
    add_tracking_params: bool = False
    custom_tracking_params: list[TrackingParam] | None = None
    template_id: str | None = None


class SendSmsData(Model):
    """The message and its status."""

    message: SmsMessage | None = None
    status: Status = "draft"


class SendSms(SendModel):
    """The action as a document writes it."""

    type: Literal["send-sms"]
    data: SendSmsData | None = None

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the message's condition groups."""
        return filters_of(self.data.message if self.data else None)

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        data = self.data or SendSmsData()
        return compile_send(self, place, Channel.SMS, data.message, data.status)
