"""Quiet hours for text messages: not a reason to skip, the person waits until they end. Source: reference 1.8, 4.2.

The zone is that of the phone number, else the person's own, else the account's. Transactional messages ignore quiet
hours.
"""

from __future__ import annotations

from datetime import tzinfo

from headrace.flows.schedule import quiet_until, read_time
from headrace.messages.gates.gate import Held, SendFacts
from headrace.messages.phone_zones import zone_of_phone

REASON = "quiet_hours"


def check(facts: SendFacts) -> Held | None:
    """Hold a text message while it is night where the person lives."""
    if not facts.message.get("sms_quiet_hours_enabled", True) or facts.transactional:
        return None
    start, end = read_time(facts.settings.quiet_hours_start), read_time(facts.settings.quiet_hours_end)
    until = quiet_until(facts.now, start, end, _zone(facts)) if start and end else None
    return Held(until, REASON) if until else None


def _zone(facts: SendFacts) -> tzinfo:
    number = facts.profile.phone_number if facts.profile else None
    return (zone_of_phone(number, facts.now) if number else None) or facts.zone
