"""How the inbox shows a message of each channel: recipient, subject, HTML, text, and the rest as named fields.

Our choice: the names of those fields. E-mail has its headers there, a webhook the headers of its request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.channels.port import (
    Attachment,
    EmailEnvelope,
    Envelope,
    PushButton,
    PushEnvelope,
    SmsEnvelope,
    WebhookEnvelope,
    WhatsAppEnvelope,
)


@dataclass(frozen=True, slots=True)
class Content:
    """A message as the inbox keeps it; `headers` are JSON."""

    recipient: str
    subject: str | None = None
    html: str | None = None
    text: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict)


def content_of(envelope: Envelope) -> Content:
    """Return what the inbox keeps of a message: all of it."""
    match envelope:
        case EmailEnvelope():
            return Content(envelope.to, envelope.subject, envelope.html, envelope.text, _email_headers(envelope))
        case SmsEnvelope():
            card = {"Contact card": True} if envelope.contact_card else {}
            return Content(envelope.to, text=envelope.body, headers={**_media(envelope.media), **card})
        case PushEnvelope():
            return _push(envelope)
        case WhatsAppEnvelope():
            fields = {"Template": envelope.vendor_id, "Variables": dict(envelope.variables)}
            return Content(envelope.to, envelope.name or envelope.vendor_id, headers=_given(fields))
        case WebhookEnvelope():
            return Content(envelope.url, text=envelope.body, headers=dict(envelope.headers))


def _email_headers(envelope: EmailEnvelope) -> dict[str, Any]:
    sender = f"{envelope.from_label} <{envelope.from_email}>" if envelope.from_label else envelope.from_email
    copies = {"Cc": ", ".join(envelope.cc), "Bcc": ", ".join(envelope.bcc), "Reply-To": envelope.reply_to}
    return {"From": sender, **_given(copies), **dict(envelope.headers)}


def _push(envelope: PushEnvelope) -> Content:
    fields = {
        "Devices": [f"{one.platform} ({one.vendor}) {one.token}" for one in envelope.devices],
        "Silent": envelope.silent,
        "Sound": envelope.sound,
        **_media(envelope.media),
        "On open": envelope.on_open,
        **dict(envelope.links),
        "Data": dict(envelope.data),
        "Buttons": [_button(one) for one in envelope.buttons],
    }
    badge = {} if envelope.badge is None else {"Badge": envelope.badge}
    first = envelope.devices[0].token if envelope.devices else ""
    return Content(first, envelope.title or None, text=envelope.body, headers={**_given(fields), **badge})


def _button(button: PushButton) -> dict[str, str]:
    fields = ("label", "action", "url", "icon", "custom_action_id")
    return {name: value for name in fields if (value := getattr(button, name))}


def _media(media: Attachment | None) -> dict[str, str]:
    if media is None:
        return {}
    return {"Video" if media.film else "Image": media.url or media.asset_id}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
