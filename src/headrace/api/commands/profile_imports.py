"""Taking a bulk import of profiles in: from a body to a job and its rows.

What is here: checking every row, so that the bad ones are known at once and the good ones go on. What is not: making
the people, which the job does (`engine.profile_imports`). A body as a whole is refused where it cannot be read as a
list of at most 10,000 rows, or names a list that does not exist.

Source: the operation's description. Our choice, where the sources are silent: a row that repeats an identifier of an
earlier good row is refused, because nobody could tell which of the two holds. Null clears nothing here.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import orjson
from pydantic import Field, ValidationError

from headrace.api.commands.profile_bodies import ImportData
from headrace.api.commands.profiles import OR_LINK, change_of, known_by, mistakes_in, need_identifier
from headrace.api.state import State
from headrace.engine.profile_imports import IMPORT, KEY_END, LISTS, ROWS, TOTAL
from headrace.errors import Invalid, Problem, Problems
from headrace.jsonapi.bodies import Identifier, Model
from headrace.jsonapi.operation import Call
from headrace.jsonapi.problems import from_validation
from headrace.storage import job_items, jobs
from headrace.storage.database import Connection
from headrace.storage.identity import COLUMNS
from headrace.storage.job_items import NewItem
from headrace.storage.profile_wishes import Wish, kept_wish

MOST_ROWS = 10_000
MOST_BYTES = 100 * 1024
"""Of one row. Source: the operation's description."""
BREATH = 250
"""Rows that are checked before others get their turn."""
LIST_IDS = "/data/relationships/lists/data"

_LISTS = (
    "SELECT group_id FROM profile_group WHERE account_id = $1 AND group_id = ANY($2) AND kind = 'list' FOR KEY SHARE"
)


class Rows(Model):
    """The profiles; each is checked by itself."""

    data: list[Any]


class ImportAttributes(Model):
    """`attributes` of a bulk import."""

    profiles: Rows


class Lists(Model):
    """The lists that everybody is put on."""

    data: list[Identifier[Literal["list"]]] = Field(default_factory=list)


class ImportRelationships(Model):
    """`relationships` of a bulk import."""

    lists: Lists | None = None


class NewImportData(Model):
    """`data` of a bulk import."""

    type: Literal["profile-bulk-import-job"]
    attributes: ImportAttributes
    relationships: ImportRelationships | None = None


class NewImport(Model):
    """The body of POST /api/profile-bulk-import-jobs."""

    data: NewImportData


async def import_profiles(call: Call[State, NewImport]) -> str:
    """Queue the import and return the job's id; raises `Problems` for a body that is wrong as a whole."""
    state, data = call.ctx.state, call.body.data
    rows = data.attributes.profiles.data
    if not 0 < len(rows) <= MOST_ROWS:
        raise Invalid(f"There are {len(rows)} profiles; there must be 1 to {MOST_ROWS:,}.", pointer=ROWS)
    named = data.relationships.lists.data if data.relationships and data.relationships.lists else []
    lists = list(dict.fromkeys(one.id for one in named))
    items = await _items(state, rows)
    now = state.services.system_clock.now()
    arguments = {LISTS: lists, TOTAL: len(rows), KEY_END: state.key_end}
    async with state.database.transaction() as transaction:
        await _check_lists(transaction, state.account_id, lists)
        await job_items.expire_jobs(transaction, state.account_id, IMPORT, now)
        job_id = await jobs.enqueue(transaction, state.account_id, state.services.ids, IMPORT, arguments, now)
        await job_items.add_items(transaction, state.account_id, job_id, items)
    return job_id


async def _check_lists(transaction: Connection, account_id: str, lists: list[str]) -> None:
    known = {row["group_id"] for row in await transaction.fetch(_LISTS, account_id, lists)} if lists else set()
    unknown: list[Problem] = [
        Invalid(f'There is no list with the id "{one}".', pointer=f"{LIST_IDS}/{index}/id")
        for index, one in enumerate(lists)
        if one not in known
    ]
    if unknown:
        raise Problems(unknown)


async def _items(state: State, rows: list[Any]) -> list[NewItem]:
    items: list[NewItem] = []
    seen: dict[object, int] = {}
    for number, row in enumerate(rows):
        items.append(_item(state, row, number, seen))
        if number % BREATH == BREATH - 1:
            await asyncio.sleep(0)
    return items


def _item(state: State, row: Any, number: int, seen: dict[object, int]) -> NewItem:
    """Return what a row asks for, or what is wrong with it; `seen` are the identifiers of the good rows before it."""
    pointer = f"{ROWS}/{number}"
    sent = {"row": row}
    try:
        size = len(orjson.dumps(row))
        if size > MOST_BYTES:
            return NewItem(
                sent, [Invalid(f"The profile has {size} bytes; at most {MOST_BYTES} are allowed.", pointer=pointer)]
            )
        wish = _wish(state, row, pointer)
    except ValidationError as error:
        return NewItem(sent, from_validation(error, row, pointer).problems)
    except Problems as error:
        return NewItem(sent, error.problems)
    except Problem as problem:
        return NewItem(sent, [problem])
    repeated = _repeated(wish, pointer, number, seen)
    return NewItem(sent, repeated) if repeated else NewItem({**sent, **kept_wish(wish)})


def _wish(state: State, row: Any, pointer: str) -> Wish:
    data = ImportData.model_validate(_without_nulls(row))
    change = change_of(data.attributes, data.meta)
    problems = mistakes_in(change, pointer)
    if problems:
        raise Problems(problems)
    profile_id = data.id or known_by(state, data.attributes.get("_kx"))
    if profile_id is None:
        need_identifier(change, pointer, OR_LINK)
    return Wish(change, profile_id)


def _without_nulls(row: Any) -> Any:
    """Return a row without attributes that are null, which a bulk import passes over."""
    attributes = row.get("attributes") if isinstance(row, dict) else None
    if not isinstance(attributes, dict):
        return row
    given = {name: value for name, value in attributes.items() if value is not None}
    if isinstance(given.get("location"), dict):
        given["location"] = {name: value for name, value in given["location"].items() if value is not None}
    return {**row, "attributes": given}


def _repeated(wish: Wish, pointer: str, number: int, seen: dict[object, int]) -> list[Problem]:
    named: dict[object, tuple[str, str]] = {
        one: (f"attributes/{COLUMNS.get(one.kind, 'anonymous_id')}", one.value) for one in wish.change.identifiers()
    }
    if wish.profile_id:
        named[wish.profile_id] = ("id", wish.profile_id)
    problems: list[Problem] = [
        Invalid(
            f'"{at.rpartition("/")[2]}" is "{value[:255]}", which the profile at {ROWS}/{seen[key]} has already; an '
            "identifier may stand once in a job.",
            pointer=f"{pointer}/{at}",
            code="duplicate_identifier",
        )
        for key, (at, value) in named.items()
        if key in seen
    ]
    if not problems:
        seen.update(dict.fromkeys(named, number))
    return problems
