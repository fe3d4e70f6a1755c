"""The records of rendering: what goes in, and the message or the reason that there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.messages.links import MessageIds
from headrace.messages.segments import Encoding
from headrace.messages.tokens import Signer
from headrace.messages.utm import FLOW_DEFAULTS, Parameters
from headrace.model.account import Account
from headrace.model.event import Event
from headrace.model.profile import Profile
from headrace.templates import LruCache

SYNTAX_ERROR = "Email Syntax Error"
INVALID_FROM = "Invalid From Email"
MISSING_EMAIL = "Missing Email"
MISSING_PHONE = "Missing Phone Number"
UNABLE_TO_SEND_SMS = "Unable to Send SMS"
"""Skip reasons, as the reference spells them. Source: reference 1.8."""


@dataclass(frozen=True, slots=True)
class TemplateBody:
    """The template row behind a message: its HTML and its own text part, if it has one."""

    html: str | None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """One message to one person.

    `message` is the message object of the flow's definition (snake_case, reference 2.2); `template` is None for
    channels without one. `now` is domain time. `flow_name` and `message_name` fill UTM parameters.
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
    utm_defaults: Parameters = FLOW_DEFAULTS


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
class RenderedSms:
    """A text message: `to` in E.164, `segment_count` parts in that encoding."""

    to: str
    body: str
    segment_count: int
    encoding: Encoding


@dataclass(frozen=True, slots=True)
class RenderFailed:
    """No message: `reason` is the skip reason of reference 1.8, `detail` says what is wrong with what."""

    reason: str
    detail: str


Rendered = RenderedEmail | RenderedSms | RenderFailed
