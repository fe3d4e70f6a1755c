"""From a rendered message to the envelope that a provider is given, and what its events will say of it.

`messages` and `channels` do not know one another; this is where their records meet. Source: reference 5.3 (properties).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.channels.port import (
    Attachment,
    EmailEnvelope,
    Envelope,
    Passage,
    PushButton,
    PushDevice,
    PushEnvelope,
    SmsEnvelope,
    WebhookEnvelope,
    WhatsAppEnvelope,
)
from headrace.messages.rendered import (
    Media,
    RenderedEmail,
    RenderedPush,
    RenderedSms,
    RenderedWebhook,
    RenderedWhatsApp,
)

Message = RenderedEmail | RenderedSms | RenderedPush | RenderedWhatsApp | RenderedWebhook


def envelope_of(passage: Passage, message: Message) -> Envelope:
    """Return the envelope of a rendered message."""
    match message:
        case RenderedEmail():
            return _email(passage, message)
        case RenderedSms():
            media = _attachment(message.media)
            return SmsEnvelope(passage, message.to, message.body, message.segment_count, media, message.contact_card)
        case RenderedPush():
            return _push(passage, message)
        case RenderedWhatsApp():
            return WhatsAppEnvelope(passage, message.to, message.vendor_id, message.name, message.variables)
        case RenderedWebhook():
            return WebhookEnvelope(passage, message.url, message.headers, message.body)


def properties_of(message: Message) -> Mapping[str, Any]:
    """Return what the message's events say of it beside what every one says."""
    match message:
        case RenderedEmail():
            return {"Subject": message.subject, "Email Domain": message.to.rpartition("@")[2]}
        case RenderedSms():
            return {"To Number": message.to, "Message Body": message.body}
        case RenderedWhatsApp():
            return {"To Number": message.to}
        case RenderedPush() | RenderedWebhook():
            return {}


def _email(passage: Passage, email: RenderedEmail) -> EmailEnvelope:
    return EmailEnvelope(
        passage=passage,
        to=email.to,
        subject=email.subject,
        html=email.html,
        text=email.text,
        from_email=email.from_email,
        from_label=email.from_label,
        reply_to=email.reply_to,
        cc=email.cc,
        bcc=email.bcc,
        headers=email.headers,
    )


def _push(passage: Passage, push: RenderedPush) -> PushEnvelope:
    return PushEnvelope(
        passage=passage,
        devices=tuple(PushDevice(one.token, one.platform, one.vendor) for one in push.devices),
        title=push.title,
        body=push.body,
        sound=push.sound,
        badge=push.badge,
        media=_attachment(push.media),
        on_open=push.on_open,
        links=push.links,
        silent=push.silent,
        data=push.data,
        buttons=tuple(
            PushButton(one.label, one.action, one.url, one.icon, one.custom_action_id) for one in push.buttons
        ),
    )


def _attachment(media: Media | None) -> Attachment | None:
    return Attachment(media.asset_id, media.url, media.film) if media else None
