"""The person has no phone number. Source: reference 1.8, 4.4."""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Missing Phone Number"


def check(facts: SendFacts) -> Skipped | None:
    """Skip a text or WhatsApp message that has nowhere to go."""
    return None if facts.profile and facts.profile.phone_number else Skipped(REASON)
