"""The person has no device that takes push messages. Source: reference 4.4.

Our choice: the reason is called "Missing Push Token".
"""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Missing Push Token"


def check(facts: SendFacts) -> Skipped | None:
    """Skip a push message that no device of the person is allowed to show."""
    return Skipped(REASON) if facts.has_token is False else None
