"""The person has not agreed to text messages. Source: reference 4.4."""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Missing SMS Consent"


def check(facts: SendFacts) -> Skipped | None:
    """Skip a text message to somebody who is not subscribed to texts of its kind (`SendFacts.agreed`)."""
    return None if facts.agreed else Skipped(REASON, facts.consent_seen)
