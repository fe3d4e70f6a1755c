"""The person has not agreed to WhatsApp messages. Source: reference 4.4. Our choice: what the reason is called."""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Missing WhatsApp Consent"


def check(facts: SendFacts) -> Skipped | None:
    """Skip a message to somebody who is not subscribed; transactional ones pass as text messages do."""
    return None if facts.agreed else Skipped(REASON, facts.consent_seen)
