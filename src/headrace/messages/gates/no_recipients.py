"""Nobody who is to get an internal alert has confirmed their address. Source: reference 1.8, 2."""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "No Confirmed Recipients"


def check(facts: SendFacts) -> Skipped | None:
    """Skip an alert none of whose addresses is confirmed; one that is suffices."""
    wanted = facts.message.get("to_emails") or ()
    if facts.confirmed is None or any(one.lower() in facts.confirmed for one in wanted):
        return None
    return Skipped(REASON, {"to_emails": list(wanted)})
