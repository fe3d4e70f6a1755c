"""The person no longer exists. Source: reference 1.8."""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Person Deleted"


def check(facts: SendFacts) -> Skipped | None:
    """Skip a message to nobody."""
    return Skipped(REASON) if facts.profile is None else None
