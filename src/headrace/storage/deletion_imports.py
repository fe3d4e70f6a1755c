"""Rows of imports that still wait and name somebody who is deleted: they are settled, so that they bring nobody back.

What is here: who is named, and finding and settling the rows. What is not: the request (`engine.deletions`) and rows
that are done, of which the job of the deletion takes the person out (`deletions.clean_jobs`).

Whoever deletes settles the rows first and takes the profile afterwards, as a slice of an import does: the slice that
holds a row is waited for, and what it writes is deleted. Our choice: a row that names the person by any id, address or
number is theirs; one that merely mentions these, as a property of somebody else, is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.storage.database import Connection
from headrace.storage.identity import KINDS, Identifier
from headrace.storage.profile_wishes import own_identifiers, wish_from

JOBS_AT_ONCE = 20
"""Open jobs whose rows one statement looks through."""

_PLAIN = re.compile(r"[ !#-\[\]-~]+")
"""Letters that JSON shows as they are, and whose lower case no locale disputes."""

_OLD_IDS = "SELECT profile_id FROM profile_alias WHERE account_id = $1 AND into_profile_id = $2"
_IDENTIFIERS = "SELECT kind, value FROM identifier WHERE account_id = $1 AND profile_id = ANY($2)"
_SHOWN = "SELECT email, phone_number, external_id FROM profile WHERE account_id = $1 AND profile_id = $2"

_OPEN = """
SELECT job_id FROM job WHERE account_id = $1 AND job_id > $2 AND state IN ('queued', 'running')
ORDER BY job_id LIMIT $3
"""
_WAITING = "error IS NULL AND item <> '{}'"
_MENTIONING = f"""
SELECT job_id, number, item
FROM job_item CROSS JOIN LATERAL (SELECT lower(item::text) AS said OFFSET 0) AS lowered
WHERE job_id = ANY($1) AND account_id = $2 AND {_WAITING} AND EXISTS (
    SELECT FROM unnest($3::text[]) AS v (value) WHERE strpos(said, value) > 0
)
"""
# In the order in which a slice of an import takes its rows, so that neither waits for the other in a circle.
_LOCK = f"""
SELECT job_id, number FROM job_item
JOIN unnest($2::text[], $3::int[]) AS naming (job_id, number) USING (job_id, number)
WHERE account_id = $1 AND {_WAITING} ORDER BY job_id, number FOR UPDATE OF job_item
"""
_SETTLE = """
UPDATE job_item i SET item = '{}', profile_id = NULL, error = '{"detail": "The person of this row was deleted."}'
FROM unnest($2::text[], $3::int[]) AS naming (job_id, number)
WHERE i.account_id = $1 AND i.job_id = naming.job_id AND i.number = naming.number
"""


@dataclass(frozen=True, slots=True)
class Names:
    """What names a person: the id, ids of profiles that were merged into theirs, and every identifier."""

    profile_ids: frozenset[str] = frozenset()
    identifiers: frozenset[Identifier] = frozenset()

    def cover(self, other: Names) -> bool:
        """Tell whether all of other names are among these."""
        return other.profile_ids <= self.profile_ids and other.identifiers <= self.identifiers


async def names_of(connection: Connection, account_id: str, profile_id: str) -> Names:
    """Return what names a person just now; somebody who is gone has only their id."""
    old = await connection.fetch(_OLD_IDS, account_id, profile_id)
    profile_ids = [profile_id, *(row["profile_id"] for row in old)]
    known = await connection.fetch(_IDENTIFIERS, account_id, profile_ids)
    identifiers = {Identifier(KINDS[row["kind"]], row["value"]) for row in known}
    for row in await connection.fetch(_SHOWN, account_id, profile_id):
        identifiers.update(own_identifiers(row))
    return Names(frozenset(profile_ids), frozenset(identifiers))


async def settle_rows(transaction: Connection, account_id: str, names: Names) -> int:
    """Settle every waiting row that names a person as one whose person was deleted; return how many.

    Slices that hold such rows are waited for. The caller holds no profile, identifier or bucket yet.
    """
    found = await _naming(transaction, account_id, names)
    if not found:
        return 0
    held = await transaction.fetch(_LOCK, account_id, *_columns(found))
    settled = [(row["job_id"], row["number"]) for row in held]
    await transaction.execute(_SETTLE, account_id, *_columns(settled))
    return len(settled)


async def _naming(transaction: Connection, account_id: str, names: Names) -> list[tuple[str, int]]:
    """Return job id and number of the waiting rows that name a person, a bounded number of jobs at a time."""
    parts = sorted({_part(one) for one in (*names.profile_ids, *(one.value for one in names.identifiers))})
    found: list[tuple[str, int]] = []
    after = ""
    while jobs := [row["job_id"] for row in await transaction.fetch(_OPEN, account_id, after, JOBS_AT_ONCE)]:
        rows = await transaction.fetch(_MENTIONING, jobs, account_id, parts)
        found += [(row["job_id"], row["number"]) for row in rows if _names(row["item"], names)]
        after = jobs[-1]
    return sorted(found)


def _part(value: str) -> str:
    """Return the longest part of a value that the text of a row shows alike; empty, which all have, without one."""
    return max(_PLAIN.findall(value), key=len, default="").lower()


def _names(item: Mapping[str, Any], names: Names) -> bool:
    wish = wish_from(item)
    return wish.profile_id in names.profile_ids or not names.identifiers.isdisjoint(wish.change.identifiers())


def _columns(keys: Sequence[tuple[str, int]]) -> tuple[list[str], list[int]]:
    return [job_id for job_id, _ in keys], [number for _, number in keys]
