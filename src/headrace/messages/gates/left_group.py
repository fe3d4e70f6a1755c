"""The person left the list or segment that the flow is for. Source: reference 1.2, 1.8."""

from __future__ import annotations

from headrace.messages.gates.gate import SendFacts, Skipped

REASON = "Person No Longer in List"


def check(facts: SendFacts) -> Skipped | None:
    """Skip when the flow is for members of a group and the person is none any longer; the run goes on.

    Our choice: somebody who left and joined again counts as a member.
    """
    if facts.facts is None or facts.group_id is None or facts.facts.joined_at(facts.group_id) is not None:
        return None
    return Skipped(REASON, {"group_id": facts.group_id})
