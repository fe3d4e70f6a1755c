"""Writing profiles in batches: identity within and between batches, races, and merged people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio

from headrace.clock import VirtualClock
from headrace.ids import SeededIds, bucket_of
from headrace.model import Account
from headrace.storage import tables as t
from headrace.storage.accounts import create_account
from headrace.storage.database import Connection, Database
from headrace.storage.identity import Identifier, Kind
from headrace.storage.profile_wishes import (
    Duplicate,
    Missing,
    ProfileChange,
    Result,
    Wish,
    Written,
    kept_wish,
    wish_from,
)
from headrace.storage.profiles import racing, write_profiles

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Desk:
    """Writes profiles of one account."""

    def __init__(self, database: Database, account_id: str) -> None:
        self.database = database
        self.account_id = account_id
        self._ids = SeededIds(3)

    async def write(self, *wishes: Wish) -> list[Result]:
        """Carry wishes out in one transaction."""

        async def attempt(transaction: Connection) -> list[Result]:
            return await write_profiles(transaction, self.account_id, self._ids, wishes, NOON)

        return await racing(self.database, attempt)

    async def owners(self) -> dict[tuple[int, str], str]:
        """Return (kind, value) -> profile id."""
        rows = await self.database.fetch("SELECT kind, value, profile_id FROM identifier")
        return {(row["kind"], row["value"]): row["profile_id"] for row in rows}


@pytest_asyncio.fixture
async def desk(database_dsn: str) -> AsyncIterator[Desk]:
    """A desk over a fresh database."""
    database = await Database.connect(database_dsn)
    account = await create_account(database, SeededIds(1), Account("", "Shop"), VirtualClock(NOON))
    yield Desk(database, account.account_id)
    await database.close()


def wish(profile_id: str | None = None, *, properties: dict[str, Any] | None = None, **fields: Any) -> Wish:
    """Return a wish with these fields."""
    return Wish(ProfileChange(fields=fields, properties=properties or {}), profile_id)


def made(result: Result) -> str:
    """Return the id of what was written."""
    assert isinstance(result, Written), result
    return result.profile_id


async def test_rows_of_a_batch_see_those_before_them(desk: Desk) -> None:
    """Of one batch the first row makes a person, whom later rows change; identifiers add up."""
    results = await desk.write(
        wish(email="ana@b.co", first_name="Ana"),
        wish(email="ANA@b.co", external_id="7", properties={"a": 1}),
        wish(external_id="7", last_name="Lee", properties={"b": 2}),
    )
    assert [True, False, False] == [isinstance(one, Written) and one.is_new for one in results]
    [row] = await desk.database.fetch("SELECT * FROM profile")
    assert ("Ana", "Lee", {"a": 1, "b": 2}) == (row["first_name"], row["last_name"], row["properties"])
    assert {(1, "ana@b.co"): made(results[0]), (3, "7"): made(results[0])} == await desk.owners()


async def test_an_address_given_up_is_free_within_the_batch(desk: Desk) -> None:
    """Who changes their address frees the old one for a later row of the same batch."""
    [first] = await desk.write(wish(email="old@b.co"))
    changed, new = await desk.write(wish(made(first), email="new@b.co"), wish(email="old@b.co"))
    assert made(first) == made(changed) != made(new)
    assert {(1, "new@b.co"): made(first), (1, "old@b.co"): made(new)} == await desk.owners()


async def test_a_refused_row_changes_nothing(desk: Desk) -> None:
    """A row that names two people, or nobody, is refused; rows around it are written."""
    ana, ben = [made(one) for one in await desk.write(wish(email="ana@b.co"), wish(external_id="7"))]
    results = await desk.write(
        wish(email="ana@b.co", external_id="7", title="x"),
        wish("01NOBODY", email="c@b.co"),
        wish(email="ana@b.co", title="y"),
    )
    assert [Duplicate(Identifier(Kind.EXTERNAL, "7"), ben), Missing("01NOBODY"), Written(ana, False)] == results
    rows = await desk.database.fetch("SELECT profile_id, title FROM profile")
    assert {ana: "y", ben: None} == {row["profile_id"]: row["title"] for row in rows}
    assert 2 == len(await desk.owners())


async def test_batches_that_race_for_the_same_people_meet(desk: Desk) -> None:
    """Batches at the same time, in different orders, make each person once and lose nothing they bring."""
    addresses = [f"p{number}@b.co" for number in range(24)]
    orders = [addresses[shift:] + addresses[:shift] for shift in (0, 5, 11, 17)]
    orders += [list(reversed(one)) for one in orders]
    await asyncio.gather(
        *(
            desk.write(*(wish(email=one, properties={str(number): 1}) for one in order))
            for number, order in enumerate(orders)
        )
    )
    rows = await desk.database.fetch("SELECT profile_id, properties FROM profile")
    assert (24, 24) == (len(rows), len(await desk.owners()))
    assert all(len(row["properties"]) == len(orders) for row in rows)


async def test_the_id_of_a_merged_person_means_the_one_they_are_now(desk: Desk) -> None:
    """A wish about a profile that went into another one changes that one."""
    [kept] = await desk.write(wish(email="ana@b.co"))
    alias = {"bucket": bucket_of("01OLD"), "account_id": desk.account_id, "profile_id": "01OLD"}
    async with desk.database.transaction() as transaction:
        await transaction.execute(t.profile_alias.insert().values(**alias, into_profile_id=made(kept), merged_at=NOON))
    assert [Written(made(kept), False)] == await desk.write(wish("01OLD", title="x"))
    assert "x" == await desk.database.fetch_value("SELECT title FROM profile")


def test_a_wish_is_kept_as_it_is() -> None:
    """What a job keeps of a wish is the wish again."""
    whole = Wish(
        ProfileChange(
            fields={"email": "a@b.co", "title": None},
            location={"city": "Rome"},
            properties={"a": [1, {"b": None}]},
            append={"tags": ["x"]},
            unset=("old",),
            more_emails=("c@b.co",),
        ),
        "01ABC",
    )
    assert whole == wish_from(kept_wish(whole))
