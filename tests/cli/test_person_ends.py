"""`headrace person merge` and `headrace person delete`."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from commands import Commands

from engine_shop import EngineShop
from headrace.storage.database import Database


async def _open(dsn: str) -> tuple[str, str]:
    database = await Database.connect(dsn, size=2)
    try:
        shop = await EngineShop.open(database)
        return await shop.person("ana"), await shop.person("bea")
    finally:
        await database.close()


async def _rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    database = await Database.connect(dsn, size=1)
    try:
        return [tuple(row.values()) for row in await database.fetch(query)]
    finally:
        await database.close()


@pytest.fixture
def people(database_dsn: str, headrace: Commands) -> tuple[str, str]:
    """The ids of Ana and Bea."""
    return asyncio.run(_open(database_dsn))


def test_two_people_become_one(headrace: Commands, people: tuple[str, str], database_dsn: str) -> None:
    """They are named by address or id; the answer says who remains."""
    ana, bea = people
    assert f"{ana} is {bea} now.\n" == headrace.run("person", "merge", "ana@example.com", bea)
    assert [(bea,)] == asyncio.run(_rows(database_dsn, "SELECT profile_id FROM profile"))


def test_nobody_is_merged_into_themselves(headrace: Commands, people: tuple[str, str]) -> None:
    """One clear line."""
    assert "cannot be merged into itself" in headrace.fails("person", "merge", people[0], "ana@example.com")


def test_a_person_is_deleted(headrace: Commands, people: tuple[str, str], database_dsn: str) -> None:
    """With --yes it does not ask."""
    assert "is deleted" in headrace.run("person", "delete", "ana@example.com", "--yes")
    assert [(people[1],)] == asyncio.run(_rows(database_dsn, "SELECT profile_id FROM profile"))
