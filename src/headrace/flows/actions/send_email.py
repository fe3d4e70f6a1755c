"""`send-email`. Source: reference 2.2."""

from __future__ import annotations

from typing import Any, Literal

from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, Place, Status
from headrace.flows.actions.sending import MessageModel, SendModel, TrackingParam, compile_send, filters_of
from headrace.model import Channel


class EmailMessage(MessageModel):
    """An e-mail; empty sender fields are filled from the account when it is sent."""

    from_email: str | None = None
    from_label: str | None = None
    reply_to_email: str | None = None
    cc_email: str | None = None
    bcc_email: str | None = None
    subject_line: str | None = None
    preview_text: str | None = None
    template_id: str | None = None
    smart_sending_enabled: bool = True
    transactional: bool = False
    add_tracking_params: bool = False
    custom_tracking_params: list[TrackingParam] | None = None


class SendEmailData(Model):
    """The message and its status."""

    message: EmailMessage | None = None
    status: Status = "draft"


class SendEmail(SendModel):
    """The action as a document writes it."""

    type: Literal["send-email"]
    data: SendEmailData | None = None

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the message's condition groups."""
        return filters_of(self.data.message if self.data else None)

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        data = self.data or SendEmailData()
        return compile_send(self, place, Channel.EMAIL, data.message, data.status)
