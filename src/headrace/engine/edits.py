"""What an edit of a flow means for runs that were waiting when it was saved.

A save touches no runs: each run is led to its place in the present definition when it is due. Source: reference 1.1.

- A deleted action is followed to its successor (`CompiledFlow.locate`); without one the run ends.
- Who waits in a delay goes on to what follows the delay now, so an action put in after it is reached.
- Who waits in a delay under which a split was put skips its question and goes down YES.
- Nobody carries out the same action twice.

Our choice: a run that is held before a text message by quiet hours right after a delay counts as waiting in that delay.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.engine.wake import Wake
from headrace.flows.actions import Action, CompiledDelay, is_split, yes_branch
from headrace.flows.step import Exit
from headrace.storage.database import Connection
from headrace.storage.flow_cache import FlowCache


async def lead_to_present(transaction: Connection, cache: FlowCache, wakes: Sequence[Wake]) -> None:
    """Point each run whose wait began under an older definition at its action in the present one."""
    behind = [wake for wake in wakes if wake.active and wake.row["version"] != wake.flow.version]
    if behind:
        past = await cache.past_actions(transaction, {(wake.flow_id, wake.row["version"]) for wake in behind})
        for wake in behind:
            _lead(wake, past[wake.flow_id, wake.row["version"]])


def locate(wake: Wake) -> Action | None:
    """Return the action that a run carries out next, None when that ends it.

    Tombstones are followed and actions that were carried out before are passed over; splits may be asked again.
    """
    while wake.active and wake.action_id is not None:
        found = wake.flow.locate(wake.action_id)
        if isinstance(found, Exit):
            wake.exit(found.reason)
            return None
        wake.action_id = found.action_id
        if not wake.has_visited(found.action_id) or not hasattr(found, "next_id"):
            return found
        wake.pass_to(found.next_id)
    if wake.active:
        wake.pass_to(None)
    return None


def _lead(wake: Wake, past: frozenset[int]) -> None:
    actions = wake.flow.actions
    if not wake.visited_before:
        wake.action_id = wake.flow.entry_action_id
        return
    left = actions.get(wake.visited_before[-1])
    if not isinstance(left, CompiledDelay):
        return
    wake.action_id = left.next_id
    for _ in range(len(actions)):
        following = actions.get(wake.action_id) if wake.action_id is not None else None
        if following is None or not is_split(following) or following.action_id in past:
            break
        wake.note("branch", {"branch": _name_of_yes(following), "seen": {"inserted": True}})
        wake.go_on(yes_branch(following))


def _name_of_yes(split: Action) -> str:
    branches = getattr(split, "branches", ())
    return branches[0].branch_id if branches else "true"
