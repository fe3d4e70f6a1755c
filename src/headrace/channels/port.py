"""The port to the outside world: what a provider is given, and what it answers.

What is here: envelopes, results and the `Provider` protocol. What is not: rendering (`messages`), retries and leases
(`engine`). Channels know neither accounts' settings nor storage. Source: DESIGN section 3, "Sending".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol
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
class SmsEnvelope:
    """A rendered text message; `to` in E.164."""

    passage: Passage
    to: str
    body: str
    segment_count: int = 1


Envelope = EmailEnvelope | SmsEnvelope


class Refusal(Enum):
    """Why a provider refused a message for good."""

    HARD_BOUNCE = "hard-bounce"
    """The recipient does not exist: never write there again."""
    SENDER = "sender"
    """The sender is not accepted."""
    CONTENT = "content"
    """The message itself is not accepted."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took the message over."""

    provider_message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take this message."""

    reason: str
    kind: Refusal


@dataclass(frozen=True, slots=True)
class Retry:
    """The provider did not take the message and may later; `after` is system time."""

    after: timedelta
    reason: str


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
