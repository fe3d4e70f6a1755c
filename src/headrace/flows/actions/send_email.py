"""`send-email`: an e-mail to the person. Source: reference 2.2."""

from __future__ import annotations

from typing import ClassVar, Literal

from headrace.flows.actions.sending import FilteredMessage, SendData, SendModel, TrackingParam
from headrace.model import Channel


class EmailMessage(FilteredMessage):
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


class SendEmailData(SendData):
    """The message and its status."""

    message: EmailMessage | None = None


class SendEmail(SendModel):
    """The action as a document writes it."""

    channel: ClassVar[Channel] = Channel.EMAIL

    type: Literal["send-email"]
    data: SendEmailData | None = None
