"""Gates: the checks before a send, one file per reason to skip. The order of the table is their precedence.

What is here: the table and how it is asked. What is not: loading what gates look at, which the engine does for a whole
batch. Source: reference 1.8 (order), DESIGN section 3 (sending).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.messages.gates import (
    additional_filters,
    flow_filters,
    invalid_phone,
    left_group,
    missing_email,
    missing_phone,
    missing_token,
    no_recipients,
    person_deleted,
    phone_country,
    quiet_hours,
    smart_sending,
    sms_consent,
    suppressed,
    whatsapp_consent,
)
from headrace.messages.gates.gate import Check, Gate, Held, SendFacts, Skipped
from headrace.model import Channel

__all__ = ["AT_DELIVERY", "AT_STEP", "GATES", "Gate", "Held", "SendFacts", "Skipped", "ask"]

ALL = frozenset(Channel)
EMAIL = frozenset((Channel.EMAIL,))
SMS = frozenset((Channel.SMS,))
WHATSAPP = frozenset((Channel.WHATSAPP,))
PHONE = SMS | WHATSAPP
PUSH = frozenset((Channel.PUSH,))
ALERT = frozenset((Channel.INTERNAL_ALERT,))
MARKETING = EMAIL | PHONE | PUSH
"""Channels that reach the person. Our choice: the others, webhooks and internal alerts, know no smart sending."""

GATES: Sequence[Gate] = (
    Gate("person_deleted", person_deleted.check, ALL, rechecked=True),
    Gate("left_group", left_group.check, ALL, rechecked=False),
    Gate("flow_filters", flow_filters.check, ALL, rechecked=False),
    Gate("additional_filters", additional_filters.check, ALL, rechecked=False),
    Gate("missing_email", missing_email.check, EMAIL, rechecked=True),
    Gate("missing_phone", missing_phone.check, PHONE, rechecked=True),
    Gate("invalid_phone", invalid_phone.check, PHONE, rechecked=True),
    Gate("phone_country", phone_country.check, SMS, rechecked=True),
    Gate("missing_token", missing_token.check, PUSH, rechecked=True),
    Gate("no_recipients", no_recipients.check, ALERT, rechecked=True),
    Gate("suppressed", suppressed.check, EMAIL, rechecked=True),
    Gate("sms_consent", sms_consent.check, SMS, rechecked=True),
    Gate("whatsapp_consent", whatsapp_consent.check, WHATSAPP, rechecked=True),
    Gate("quiet_hours", quiet_hours.check, SMS, rechecked=True),
    Gate("smart_sending", smart_sending.check, MARKETING, rechecked=False),
)
"""Our choice: "Person No Longer in List" is not asked again between queueing and sending."""


def _table(*, rechecked_only: bool) -> Mapping[Channel, tuple[Check, ...]]:
    return {
        channel: tuple(
            gate.check for gate in GATES if channel in gate.channels and (gate.rechecked or not rechecked_only)
        )
        for channel in Channel
    }


AT_STEP = _table(rechecked_only=False)
"""The checks of each channel when a run reaches the message, in order of precedence."""
AT_DELIVERY = _table(rechecked_only=True)
"""Those of them that are asked once more just before the message is handed to a provider."""


def ask(checks: Sequence[Check], facts: SendFacts) -> Skipped | Held | None:
    """Return what the first gate that objects says, None when the message may go."""
    for check in checks:
        objection = check(facts)
        if objection is not None:
            return objection
    return None
