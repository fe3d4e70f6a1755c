"""Strays: what was written about a profile after it had been merged or deleted, by whoever had looked before.

Ingest takes no bucket lock, so an event may be accepted for a person who is somebody else, or nobody, by the time it
commits. It is found where its consequences are worked out: what belongs to an alias goes to the profile behind it, what
belongs to nobody goes. Source: DESIGN section 3 (ingest), section 8 (identity).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from headrace.engine.core import Core
from headrace.engine.deletions import DELETE
from headrace.engine.merges import enqueue_merge
from headrace.storage import jobs, merges
from headrace.storage.aliases import follow
from headrace.storage.database import Connection, Row
from headrace.storage.merge_rows import Move, move_pending, move_small
from headrace.storage.pending import delete_pending
from headrace.storage.profile_rows import existing


async def without_strays(core: Core, transaction: Connection, rows: Sequence[Row]) -> Sequence[Row]:
    """Return those of a batch of pending rows that are about somebody, having seen to the others.

    The caller holds the rows' buckets. A merged profile's rows and their events wait for the profile it is now, which
    needs no lock, for they arrive there as from a request; a job looks for what else there may be.
    """
    by_account: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        by_account[row["account_id"]].add(row["profile_id"])
    strays: set[tuple[str, str]] = set()
    for account_id, people in sorted(by_account.items()):
        missing = people - await existing(transaction, account_id, people)
        if missing:
            await _settle(core, transaction, account_id, sorted(missing))
            strays.update((account_id, one) for one in missing)
    if not strays:
        return rows
    lost = [row for row in rows if (row["account_id"], row["profile_id"]) in strays]
    await delete_pending(transaction, lost)
    return [row for row in rows if (row["account_id"], row["profile_id"]) not in strays]


async def _settle(core: Core, transaction: Connection, account_id: str, missing: Sequence[str]) -> None:
    """Move what belongs to merged profiles, and let jobs see to the rest."""
    homes = await follow(transaction, account_id, missing)
    now = core.clock.now()
    for profile_id in missing:
        if profile_id in homes:
            move = Move(account_id, profile_id, homes[profile_id])
            await move_pending(transaction, move)
            await move_small(transaction, move)
            await merges.move_identifiers(transaction, move)
            await enqueue_merge(transaction, core.ids, move, now)
        else:
            arguments = {"profile_ids": [profile_id], "values": []}
            await jobs.enqueue(transaction, account_id, core.ids, DELETE, arguments, now)
