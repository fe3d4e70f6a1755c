"""The person has no e-mail address. Source: reference 1.8, 4.4."""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Missing Email"


def check(facts: SendFacts) -> Skipped | None:
    """Skip an e-mail that has nowhere to go."""
    return None if facts.profile and facts.profile.email else Skipped(REASON)
