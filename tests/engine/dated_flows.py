"""Date-based flows for the engine's tests: people with birthdays, and what is planned for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from engine_shop import EngineShop, definition, email
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.profiles import ProfileChange, change_profile

EVERY_BUCKET = list(range(256))
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    """Return an instant from its spelling in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def dated(*actions: Mapping[str, Any], **trigger: Any) -> dict[str, Any]:
    """Return a flow that begins by a person's birthday, by default yearly, on the day itself at nine."""
    rest = {key: trigger.pop(key) for key in ("profile_filter", "reentry_criteria") if key in trigger}
    asked = {
        "type": "date",
        "date_field_type": "profile-property",
        "date_profile_property": "birthday",
        "timedelta_value_before_date": 0,
        "timedelta_unit_before_date": "days",
        "recurrence_frequency": "annually",
        "timezone": "profile",
        "trigger_time": "09:00:00",
        **trigger,
    }
    return {**definition("", *actions, **rest), "triggers": [asked]}


def stop(name: str, kind: str, following: str | None, **data: Any) -> dict[str, Any]:
    """Return a countdown or a target date."""
    return {"temporary_id": name, "type": kind, "links": {"next": following}, "data": {"timezone": "profile", **data}}


def born(name: str, birthday: str | None, **rest: Any) -> IncomingProfile:
    """Return a person with a birthday."""
    properties = {} if birthday is None else {"birthday": birthday}
    return IncomingProfile(email=f"{name}@example.com", properties=properties, **rest)


async def changes(shop: EngineShop, name: str, **properties: Any) -> None:
    """Change properties of a person by an event, and let what follows happen."""
    await shop.person(name, IncomingProfile(email=f"{name}@example.com", properties=properties))
    await shop.drain()


async def forgets(shop: EngineShop, name: str, *properties: str) -> None:
    """Take properties away from a person."""
    profile_id = shop.people[name]
    change = ProfileChange(unset=properties)
    await change_profile(shop.database, shop.account.account_id, shop.ids, profile_id, change, await shop.now())
    await shop.drain()


async def planned(shop: EngineShop) -> list[tuple[str, datetime, date]]:
    """Return (person, moment, date) of every planned entry, the earliest first."""
    names = {profile_id: name for name, profile_id in shop.people.items()}
    rows = await shop.database.fetch("SELECT * FROM planned_entry ORDER BY enters_at, profile_id")
    return [(names[row["profile_id"]], row["enters_at"], row["target_on"]) for row in rows]


async def ends(shop: EngineShop) -> list[tuple[str, str, str | None]]:
    """Return (date, state, exit reason) of every run in the order of entry."""
    states = await shop.run_states()
    return [
        (str(row["target_on"]), state, row["exit_reason"]) for row, state in zip(await shop.runs(), states, strict=True)
    ]


async def counted(database: Database, table: str) -> int:
    """Return how many rows a table has."""
    found: int = await database.fetch_value(f"SELECT count(*) FROM {table}")
    return found


async def greetings(shop: EngineShop, **trigger: Any) -> str:
    """Make a live flow of one e-mail."""
    return await shop.flow(dated(email("mail", await shop.template()), **trigger))
