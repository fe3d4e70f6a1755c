"""The message's own filter, asked right before that message only. Source: reference 1.3."""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Fails Additional Filters"


def check(facts: SendFacts) -> Skipped | None:
    """Skip when the person does not pass the message's filter; the run goes on."""
    if facts.facts is None or not facts.additional_filters.groups:
        return None
    verdict = facts.additional_filters.holds(facts.facts)
    return None if verdict.holds else Skipped(REASON, verdict.seen)
