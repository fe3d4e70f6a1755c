"""The port to the outside world: what a provider is given, and what it answers.

What is here: envelopes, results and the `Provider` protocol. What is not: rendering (`messages`), retries and leases
(`engine`). Channels know neither accounts' settings nor storage. Source: DESIGN section 3, "Sending".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Passage:
    """Whose message an envelope holds. `delivery_id` is the idempotency key; `at` is domain time, aware UTC."""

    delivery_id: UUID
    account_id: str
    profile_id: str
    message_id: str
    flow_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EmailEnvelope:
    """A rendered e-mail. `html` is empty for a message of text only; `headers` are further (name, value) pairs."""

    passage: Passage
    to: str
    subject: str
    html: str
    text: str
    from_email: str
    from_label: str = ""
    reply_to: str = ""
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """A picture or film that goes along: one that was uploaded, by its id, or one at an address."""

    asset_id: str = ""
    url: str = ""
    film: bool = False


@dataclass(frozen=True, slots=True)
class SmsEnvelope:
    """A rendered text message; `to` in E.164. With `contact_card` the shop's own card goes along."""

    passage: Passage
    to: str
    body: str
    segment_count: int = 1
    media: Attachment | None = None
    contact_card: bool = False


@dataclass(frozen=True, slots=True)
class PushDevice:
    """A device by its token; `platform` is android, ios or web, `vendor` apns, fcm or web."""

    token: str
    platform: str
    vendor: str


@dataclass(frozen=True, slots=True)
class PushButton:
    """A button of a push message; `action` is deep_link, dismiss, open_app or open_url."""

    label: str
    action: str
    url: str = ""
    icon: str = ""
    custom_action_id: str = ""


@dataclass(frozen=True, slots=True)
class PushEnvelope:
    """A rendered push message for all devices of one person; it is sent when one of them took it.

    `badge` is the number to show, "increment" to count up by one, None to leave it alone. `on_open` is home, link or
    open_url; `links` are the ios_link, android_link and web_url that it means. `data` are the key-value pairs for the
    app; a `silent` message shows nothing.
    """

    passage: Passage
    devices: tuple[PushDevice, ...]
    title: str
    body: str
    sound: bool = False
    badge: int | str | None = None
    media: Attachment | None = None
    on_open: str = "home"
    links: tuple[tuple[str, str], ...] = ()
    silent: bool = False
    data: tuple[tuple[str, str], ...] = ()
    buttons: tuple[PushButton, ...] = ()


@dataclass(frozen=True, slots=True)
class WhatsAppEnvelope:
    """A template that the vendor keeps, by its id and name, and the values that may fill it; `to` in E.164."""

    passage: Passage
    to: str
    vendor_id: str
    name: str
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WebhookEnvelope:
    """What is posted to an address; a Content-Type is among the headers."""

    passage: Passage
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str


Envelope = EmailEnvelope | SmsEnvelope | PushEnvelope | WhatsAppEnvelope | WebhookEnvelope
"""Internal alerts are e-mail."""


class Refusal(Enum):
    """Why a provider refused a message for good."""

    HARD_BOUNCE = "hard-bounce"
    """The recipient does not exist: never write there again."""
    SENDER = "sender"
    """The sender is not accepted."""
    CONTENT = "content"
    """The message itself is not accepted."""


Output = Mapping[str, Any]
"""What a webhook answered: status (None where there was no answer), body (parsed JSON, else text, None where there is
none or it is too long) and error (None where there was none)."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took the message over; `output` is what it answered, for the channels that answer."""

    provider_message_id: str
    output: Output | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take this message."""

    reason: str
    kind: Refusal
    output: Output | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """The provider did not take the message and may later; `after` is system time.

    `output` is what it answered this time, which counts should it have been the last.
    """

    after: timedelta
    reason: str
    output: Output | None = None


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """Nobody knows whether the provider took the message: the connection broke while it was deciding."""

    reason: str


Result = Sent | Refused | Retry | Unconfirmed


class Provider(Protocol):
    """A way to send messages of one channel."""

    @property
    def name(self) -> str:
        """The name by which settings choose it."""
        ...

    @property
    def honors_idempotency_key(self) -> bool:
        """Whether sending the same delivery twice delivers it once, so that a lapsed lease may be retried."""
        ...

    async def send_many(self, envelopes: Sequence[Envelope]) -> list[Result]:
        """Send a batch and return one result per envelope, in the same order; expected failures never raise."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
