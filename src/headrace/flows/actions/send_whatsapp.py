"""`send-whatsapp`: a WhatsApp message to the person. Source: reference 2.2."""

from __future__ import annotations

from typing import ClassVar, Literal

from headrace.flows.actions.sending import FilteredMessage, SendData, SendModel
from headrace.model import Channel


class WhatsAppMessage(FilteredMessage):
    """A WhatsApp message; `vendor_id` names the template that WhatsApp approved."""

    vendor_id: str | None = None
    smart_sending_enabled: bool = True
    transactional: bool = False
    add_tracking_params: bool = False


class SendWhatsAppData(SendData):
    """The message and its status."""

    message: WhatsAppMessage | None = None


class SendWhatsApp(SendModel):
    """The action as a document writes it."""

    channel: ClassVar[Channel] = Channel.WHATSAPP

    type: Literal["send-whatsapp"]
    data: SendWhatsAppData | None = None
