"""The records of rendering: what goes in, and the message or the reason that there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.messages.links import MessageIds
from headrace.messages.segments import Encoding
from headrace.messages.tokens import Signer
from headrace.messages.utm import FLOW_DEFAULTS, Defaults
from headrace.model.account import Account
from headrace.model.event import Event
from headrace.model.profile import Profile
from headrace.templates import LruCache

SYNTAX_ERROR = "Email Syntax Error"
INVALID_FROM = "Invalid From Email"
MISSING_EMAIL = "Missing Email"
MISSING_PHONE = "Missing Phone Number"
UNABLE_TO_SEND_SMS = "Unable to Send SMS"
NO_RECIPIENTS = "No Confirmed Recipients"
"""Skip reasons, as the reference spells them. Source: reference 1.8."""
NO_PUSH_TOKEN = "Missing Push Token"  # noqa: S105
UNABLE_TO_SEND_PUSH = "Unable to Send Push"
UNABLE_TO_SEND_WHATSAPP = "Unable to Send WhatsApp"
UNABLE_TO_SEND_WEBHOOK = "Unable to Send Webhook"
"""Our choice: the reference has no reasons for these channels; they follow the pattern of the others."""


@dataclass(frozen=True, slots=True)
class TemplateBody:
    """The template row behind a message: its HTML and its own text part, if it has one."""

    html: str | None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A device that takes push messages."""

    token: str
    platform: str
    vendor: str


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One message to one person.

    `message` is the message object of the flow's definition (snake_case, reference 2.2); `template` is None for
    channels without one. `now` is domain time. `flow_name` and `message_name` fill UTM parameters. `devices` are those
    of the person that allow push messages; `recipients` the account's confirmed addresses for internal alerts, in
    small letters.
    """

    ids: MessageIds
    message: Mapping[str, Any]
    template: TemplateBody | None
    account: Account
    profile: Profile
    event: Event | None
    now: datetime
    flow_name: str = ""
    message_name: str = ""
    utm_defaults: Defaults = FLOW_DEFAULTS
    devices: Sequence[Device] = ()
    recipients: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Workshop:
    """What rendering needs beside the request: the signer, the public address without a trailing slash, the cache."""

    signer: Signer
    public_url: str
    cache: LruCache[Any] = field(default_factory=LruCache)


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """An e-mail, complete but for its transport. `html` is empty for a message of text only."""

    to: str
    subject: str
    preview: str
    html: str
    text: str
    from_email: str
    from_label: str
    reply_to: str = ""
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Media:
    """A picture or film: one that was uploaded, or one at an address."""

    asset_id: str = ""
    url: str = ""
    film: bool = False


@dataclass(frozen=True, slots=True)
class RenderedSms:
    """A text message: `to` in E.164, `segment_count` parts in that encoding; the shop's card may go along."""

    to: str
    body: str
    segment_count: int
    encoding: Encoding
    media: Media | None = None
    contact_card: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a push message; `action` is deep_link, dismiss, open_app or open_url."""

    label: str
    action: str
    url: str = ""
    icon: str = ""
    custom_action_id: str = ""


@dataclass(frozen=True, slots=True)
class RenderedPush:
    """A push message for all devices of a person.

    `badge` is a number, "increment", or None to leave it alone; `links` and `data` are (name, value) pairs.
    """

    devices: tuple[Device, ...]
    title: str
    body: str
    sound: bool = False
    badge: int | str | None = None
    media: Media | None = None
    on_open: str = "home"
    links: tuple[tuple[str, str], ...] = ()
    silent: bool = False
    data: tuple[tuple[str, str], ...] = ()
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderedWhatsApp:
    """A vendor's template by its id and name, and the values that may fill it."""

    to: str
    vendor_id: str
    name: str
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RenderedWebhook:
    """What is posted to an address; `headers` are (name, value) pairs with a Content-Type among them."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class RenderFailed:
    """No message: `reason` is the skip reason of reference 1.8, `detail` says what is wrong with what."""

    reason: str
    detail: str


Rendered = RenderedEmail | RenderedSms | RenderedPush | RenderedWhatsApp | RenderedWebhook | RenderFailed
