"""What a person's preference page shows: where they can be reached, what they agreed to, and which lists concern them.

Source: reference 4.4. Our choice: the lists that a person is on, and those that they unsubscribed from by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.ids import bucket_of
from headrace.model import Channel
from headrace.storage.consents import load_subscriptions
from headrace.storage.database import Connection, Database

MOST_LISTS = 200

_PERSON = "SELECT email, phone_number FROM profile WHERE bucket = $1 AND account_id = $2 AND profile_id = $3"

_LISTS = """
SELECT g.group_id, g.name, bool_or(of_person.on_it) AS on_it FROM (
    SELECT group_id, true AS on_it FROM membership WHERE bucket = $1 AND account_id = $2 AND profile_id = $3
    UNION ALL
    SELECT list_id, false FROM suppression
    WHERE bucket = $1 AND account_id = $2 AND profile_id = $3 AND list_id <> '' AND reason = 'UNSUBSCRIBE'
) AS of_person
JOIN profile_group g ON g.account_id = $2 AND g.group_id = of_person.group_id AND g.kind = 'list'
GROUP BY g.group_id, g.name ORDER BY lower(g.name), g.group_id LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class ListChoice:
    """A list and whether the person is on it."""

    list_id: str
    name: str
    on_it: bool


@dataclass(frozen=True, slots=True)
class Preferences:
    """A person's addresses, their consent to marketing by channel (None: never asked) and their lists."""

    email: str | None
    phone_number: str | None
    subscriptions: Mapping[int, str | None]
    lists: tuple[ListChoice, ...]


async def load_preferences(connection: Connection | Database, account_id: str, profile_id: str) -> Preferences | None:
    """Return what the page shows, None for somebody who is gone."""
    key = (bucket_of(profile_id), account_id, profile_id)
    person = await connection.fetch_row(_PERSON, *key)
    if person is None:
        return None
    channels = (Channel.EMAIL, Channel.SMS, Channel.WHATSAPP)
    known = await load_subscriptions(connection, [(*key, int(channel)) for channel in channels])
    rows = await connection.fetch(_LISTS, *key, MOST_LISTS)
    return Preferences(
        person["email"],
        person["phone_number"],
        {int(channel): known.get((account_id, profile_id, int(channel), 0)) for channel in channels},
        tuple(ListChoice(row["group_id"], row["name"], row["on_it"]) for row in rows),
    )
