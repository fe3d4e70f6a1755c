"""The actions: one file per type and this table. Types that are only stored are in `stored.py`. Source: reference 2."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.flows.actions.base import Action, ActionModel, Place
from headrace.flows.actions.conditional_split import ConditionalSplit
from headrace.flows.actions.send_email import SendEmail
from headrace.flows.actions.send_sms import SendSms
from headrace.flows.actions.stored import STORED
from headrace.flows.actions.time_delay import TimeDelay

__all__ = ["ACTIONS", "WITH_STATUS", "Action", "ActionModel", "Place"]

ACTIONS: Mapping[str, type[ActionModel]] = {
    "conditional-split": ConditionalSplit,
    "send-email": SendEmail,
    "send-sms": SendSms,
    "time-delay": TimeDelay,
    **STORED,
}

WITH_STATUS = frozenset(
    (
        "ab-test",
        "content-experiment",
        "internal-service",
        "list-update",
        "send-email",
        "send-internal-alert",
        "send-mobile-push",
        "send-sms",
        "send-webhook",
        "send-whatsapp",
        "update-profile",
    )
)
"""The types whose data has a `status`; delays and splits have none. Source: reference 1.1."""
