"""The flow's own filter, asked again just before every action that acts. Source: reference 1.3."""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Fails Flow Filters"


def check(facts: SendFacts) -> Skipped | None:
    """Skip when the person no longer passes the flow's filter; the run goes on."""
    if facts.facts is None or not facts.profile_filter.groups:
        return None
    verdict = facts.profile_filter.holds(facts.facts)
    return None if verdict.holds else Skipped(REASON, verdict.seen)
