"""What attributes of flows, reports and Headrace's own resources are made of, for our OpenAPI document.

What is here: types of the objects inside attributes. What is not: how they are read, and the models of definitions
(`headrace.flows`), which describe what is shown as well as what is sent.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from typing_extensions import TypedDict

from headrace.conditions.parsing import OneOf
from headrace.flows.actions import ACTIONS, ActionModel
from headrace.flows.actions.send_email import EmailMessage
from headrace.flows.actions.send_internal_alert import AlertMessage
from headrace.flows.actions.send_mobile_push import PushMessage
from headrace.flows.actions.send_sms import SmsMessage
from headrace.flows.actions.send_webhook import WebhookMessage
from headrace.flows.actions.send_whatsapp import WhatsAppMessage

ActionDefinition = Annotated[ActionModel, OneOf(ACTIONS)]
MessageDefinition = EmailMessage | SmsMessage | PushMessage | WhatsAppMessage | WebhookMessage | AlertMessage


class ValuesRow(TypedDict):
    """One row of a report of values: what it is about, and one figure per statistic."""

    groupings: dict[str, str | None]
    statistics: dict[str, float | None]


class SeriesRow(TypedDict):
    """One row of a report of series: what it is about, and one figure per statistic and date."""

    groupings: dict[str, str | None]
    statistics: dict[str, list[float | None]]


class StepCounts(TypedDict):
    """What became of the people who reached an action."""

    id: str
    type: str
    name: str | None
    deleted: bool
    waiting: int
    passed: int
    review: int
    skipped: dict[str, int]
    exited: dict[str, int]
    branches: dict[str, int]


class SeenCondition(TypedDict):
    """What a condition saw, and whether it held; `of` is the branch that it belongs to."""

    condition: str
    saw: Any
    held: bool | None
    of: str | None
    about: str | None
    of_name: str | None


class InboxLinkAttributes(BaseModel):
    """Where the inbox page is opened, once."""

    url: str
    expires_at: datetime


class InboxLinkData(BaseModel):
    """A link to the inbox page."""

    type: Literal["inbox-link"]
    id: str
    attributes: InboxLinkAttributes


class InboxLinkAnswer(BaseModel):
    """The document of a link to the inbox page."""

    data: InboxLinkData
