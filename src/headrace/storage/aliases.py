"""Aliases: which profile somebody is now whose old profile was merged into another one.

What is here: following old ids, by one look-up of keys per link. What is not: merging (`merges.py`). An alias is
written in the transaction in which its profile ends, so that an id names a profile, an alias or nobody, never two of
them. Source: DESIGN section 8 (identity).
"""

from __future__ import annotations

from collections.abc import Collection

from headrace.ids import bucket_of
from headrace.storage.database import Connection, Database

LONGEST_CHAIN = 100
"""Links that are followed. A merge shortens the chains that lead to it, so that there is hardly ever more than one."""

_FIND = """
SELECT a.profile_id, a.into_profile_id FROM unnest($2::smallint[], $3::text[]) AS asked (bucket, profile_id)
JOIN profile_alias a ON a.bucket = asked.bucket AND a.account_id = $1 AND a.profile_id = asked.profile_id
"""


async def follow(connection: Connection | Database, account_id: str, profile_ids: Collection[str]) -> dict[str, str]:
    """Return old id -> the profile that it is now, for those of `profile_ids` that were merged into another one.

    Ids that are no aliases are left out, whether they name a profile or nobody; so the usual answer is empty and costs
    one look at keys. The end of a chain may have been deleted since: an alias does not promise a profile.
    """
    links = await _links(connection, account_id, set(profile_ids))
    ends, ahead = set(links.values()), 1
    while ends - links.keys() and ahead < LONGEST_CHAIN:
        further = await _links(connection, account_id, ends - links.keys())
        if not further:
            break
        links.update(further)
        ends, ahead = set(further.values()), ahead + 1
    return {old: _end(links, old) for old in profile_ids if old in links}


async def follow_one(connection: Connection | Database, account_id: str, profile_id: str) -> str:
    """Return the profile that an id stands for now: itself, unless it was merged into another one."""
    return (await follow(connection, account_id, [profile_id])).get(profile_id, profile_id)


def _end(links: dict[str, str], profile_id: str) -> str:
    passed: set[str] = set()
    while profile_id in links and profile_id not in passed:
        passed.add(profile_id)
        profile_id = links[profile_id]
    return profile_id


async def _links(connection: Connection | Database, account_id: str, profile_ids: Collection[str]) -> dict[str, str]:
    if not profile_ids:
        return {}
    asked = sorted(profile_ids)
    rows = await connection.fetch(_FIND, account_id, [bucket_of(one) for one in asked], asked)
    return {row["profile_id"]: row["into_profile_id"] for row in rows}
