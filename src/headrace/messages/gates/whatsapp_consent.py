"""The person has not agreed to WhatsApp messages. Source: reference 4.4.

Our choice: the reason is called "Missing WhatsApp Consent".
"""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Missing WhatsApp Consent"


def check(facts: SendFacts) -> Skipped | None:
    """Skip a message to somebody who is not subscribed; transactional ones pass as text messages do."""
    return None if facts.agreed else Skipped(REASON, facts.consent_seen)
