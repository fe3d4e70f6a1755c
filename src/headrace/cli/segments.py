"""`headrace segment`: who is in a segment, working one out anew, and checking what is maintained.

`evaluate` and `check` work off what is pending of the account's segments by themselves, so they need no worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from headrace.cli.accounts import Json
from headrace.cli.engine import engine_core, make_signer
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json, print_rows
from headrace.cli.runtime import the_account, with_database
from headrace.clock import SystemClock
from headrace.config import Config
from headrace.engine import segment_check
from headrace.engine.segment_check import Comparison
from headrace.errors import CommandError
from headrace.ids import RandomIds
from headrace.storage.database import Connection, Database, Row
from headrace.storage.group_uses import gone_groups
from headrace.storage.segment_counts import count_members
from headrace.storage.segments import list_segments, request_evaluation

SegmentArgument = Annotated[str, typer.Argument(help="The segment's id or name.")]
COLUMNS = ("id", "name", "active", "processing", "starred", "members", "updated")
GONE = "asks_about_gone"
"""Ids of lists and segments that a segment asks about and that were deleted; a column where there are any."""
MOST_SHOWN = 20
"""Profile ids that a table shows of each segment; `--json` has all."""


def list_(account: AccountOption = None, as_json: Json = False) -> None:
    """List the account's segments."""

    async def task(database: Database) -> list[dict[str, Any]]:
        owner = await the_account(database, account)
        async with database.statements() as connection:
            return await _told(connection, owner.account_id, await list_segments(connection, owner.account_id))

    rows = with_database(task)
    columns = (*COLUMNS, GONE) if any(row[GONE] for row in rows) else COLUMNS
    print_rows(rows, columns, as_json=as_json)


def show(segment: SegmentArgument, account: AccountOption = None) -> None:
    """Show a segment and its definition as JSON."""

    async def task(database: Database) -> dict[str, Any]:
        owner = await the_account(database, account)
        async with database.statements() as connection:
            row = await _the_segment(connection, owner.account_id, segment)
            (told,) = await _told(connection, owner.account_id, [row])
            return {**told, "definition": row["definition"]}

    print_json(with_database(task))


def evaluate(segment: SegmentArgument, account: AccountOption = None) -> None:
    """Work out everybody's place in a segment anew; nobody enters a flow by it."""

    config = Config.from_environment()

    async def task(database: Database) -> dict[str, Any]:
        owner = await the_account(database, account)
        async with engine_core(database, config, make_signer(config, RandomIds())) as core:
            async with database.transaction() as transaction:
                row = await _the_segment(transaction, owner.account_id, segment)
                segment_id = await _request(transaction, owner.account_id, row["group_id"])
            await segment_check.settle(core, owner.account_id)
            async with database.statements() as connection:
                rows = await list_segments(connection, owner.account_id, segment_id)
                return (await _told(connection, owner.account_id, rows))[0]

    told = with_database(task, config)
    state = "is still being worked out" if told["processing"] else f"has {told['members']} members"
    print(f"Segment {told['id']} {state}.")


def check(
    segment: Annotated[str | None, typer.Option("--segment", help="One segment's id or name; else all.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Work out anew the segments that differ.")] = False,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Compare the members of segments with a full evaluation; exit status 1 when they differ."""
    config = Config.from_environment()

    async def task(database: Database) -> tuple[list[Comparison], int]:
        owner = await the_account(database, account)
        async with database.statements() as connection:
            chosen = await _the_segment(connection, owner.account_id, segment) if segment else None
        segment_id = chosen["group_id"] if chosen else None
        async with engine_core(database, config, make_signer(config, RandomIds())) as core:
            await segment_check.settle(core, owner.account_id)
            found = await segment_check.compare(core, owner.account_id, segment_id)
            repaired = await segment_check.repair(core, found) if repair else 0
            if repaired:
                await segment_check.settle(core, owner.account_id)
                found = await segment_check.compare(core, owner.account_id, segment_id)
            return found, repaired

    found, repaired = with_database(task, config)
    _print(found, repaired, as_json)
    if any(one.differs for one in found):
        raise typer.Exit(1)


async def _request(transaction: Connection, account_id: str, segment_id: str) -> str:
    place = (transaction, account_id, segment_id)
    job_id = await request_evaluation(*place, ids=RandomIds(), system_now=SystemClock().now())
    if job_id is None:
        raise CommandError(f"the segment {segment_id} is inactive: its members stay as they are")
    return segment_id


def _print(found: Sequence[Comparison], repaired: int, as_json: bool) -> None:
    if as_json:
        print_json({"repaired": repaired, "segments": [{**asdict(one), "differs": one.differs} for one in found]})
        return
    if repaired:
        print(f"Worked out {repaired} segments anew.")
    rows = [
        {
            "id": one.segment_id,
            "name": one.name,
            "state": one.skipped or ("differs" if one.differs else "right"),
            "missing": one.missing[:MOST_SHOWN],
            "extra": one.extra[:MOST_SHOWN],
        }
        for one in found
    ]
    print_rows(rows, ("id", "name", "state", "missing", "extra"), as_json=False)


async def _the_segment(connection: Connection, account_id: str, named: str) -> Row:
    """Return the segment that a command means, by its id or its name; raises `CommandError`."""
    rows = await list_segments(connection, account_id)
    found = [one for one in rows if one["group_id"] == named] or [one for one in rows if one["name"] == named]
    if len(found) == 1:
        return found[0]
    why = f"has {len(found)} segments named {named!r}; name one by its id" if found else f"has no segment {named!r}"
    raise CommandError(f"account {account_id} {why}")


async def _told(connection: Connection, account_id: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    members = await count_members(connection, account_id, [row["group_id"] for row in rows])
    gone = await gone_groups(connection, account_id)
    return [
        {
            "id": row["group_id"],
            "name": row["name"],
            "active": row["is_active"],
            "processing": row["is_processing"],
            "starred": row["is_starred"],
            "members": members.get(row["group_id"], 0),
            "updated": row["updated_at"],
            GONE: gone.get(row["group_id"], []),
        }
        for row in rows
    ]
