"""`send-sms`: a text message to the person. Source: reference 2.2."""

from __future__ import annotations

from typing import ClassVar, Literal

from headrace.flows.actions.message_hierarchy import HierarchyItem
from headrace.flows.actions.sending import FilteredMessage, SendData, SendModel, TrackingParam
from headrace.model import Channel


class SmsMessage(FilteredMessage):
    """A text message; `message_hierarchy` holds its richer forms, the first that the recipient supports is taken."""

    body: str
    image_id: str | None = None
    dynamic_image: str | None = None
    message_hierarchy: list[HierarchyItem] | None = None
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


class SendSmsData(SendData):
    """The message and its status."""

    message: SmsMessage | None = None


class SendSms(SendModel):
    """The action as a document writes it."""

    channel: ClassVar[Channel] = Channel.SMS

    type: Literal["send-sms"]
    data: SendSmsData | None = None
