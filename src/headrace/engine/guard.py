"""The guard against mass entries: a burst of entries above the account's limit is held until a user confirms it.

Our choice: there is no limit unless the account sets one. The limit is so many runs of one flow within a window of the
account's time; the batch that exceeds it is held as a whole, and so is whoever comes after it until a user has decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from headrace.engine.entry import Attempt
from headrace.storage.database import Connection
from headrace.storage.entry_guards import count_entries, lock_guards


async def hold_bursts(transaction: Connection, entering: Sequence[Attempt]) -> None:
    """Mark those entries as held that are part of a mass entry."""
    by_account: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in entering:
        if attempt.account.settings.mass_entry_limit is not None:
            by_account[attempt.account_id].append(attempt)
    for _, attempts in sorted(by_account.items()):
        await _hold(transaction, attempts)


async def _hold(transaction: Connection, attempts: Sequence[Attempt]) -> None:
    by_flow: defaultdict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_flow[attempt.flow.flow_id].append(attempt)
    settings, at = attempts[0].account.settings, max(one.entered_at for one in attempts)
    limit = settings.mass_entry_limit
    assert limit is not None, "asked beforehand"
    guards = await lock_guards(transaction, attempts[0].account_id, list(by_flow), at, settings.mass_entry_window)
    counts = {}
    for flow_id, share in by_flow.items():
        holds = guards[flow_id].holding or guards[flow_id].entered + len(share) > limit
        for attempt in share:
            attempt.held = holds and attempt.error is None  # who is parked needs nobody's consent, but a repair
        counts[flow_id] = (len(share), holds)
    await count_entries(transaction, counts, at)
