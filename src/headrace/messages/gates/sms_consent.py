"""The person has not agreed to text messages. Source: reference 4.4.

Our choice: until consent to transactional text messages is kept apart, these need the same consent as others.
"""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Missing SMS Consent"


def check(facts: SendFacts) -> Skipped | None:
    """Skip a text message to somebody who is not subscribed to them."""
    return None if facts.subscription == "SUBSCRIBED" else Skipped(REASON)
