"""`headrace review`: the messages of manual actions, which wait for a user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import typer

from headrace.cli.accounts import Json
from headrace.cli.engine import make_signer, public_url
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json, print_rows
from headrace.cli.runtime import the_account, the_flow, with_database
from headrace.config import Config
from headrace.engine import review
from headrace.engine.core import Core
from headrace.engine.review import Chosen, Released
from headrace.engine.setup import build_core
from headrace.errors import CommandError
from headrace.ids import RandomIds
from headrace.messages.rendered import Workshop
from headrace.model import Channel
from headrace.storage.database import Database, Row
from headrace.storage.review import list_review

Ids = Annotated[list[str] | None, typer.Argument(help="Ids of messages, as `review list` shows them.")]
FlowOption = Annotated[str | None, typer.Option("--flow", help="All messages of a flow, by its id or name.")]
ActionOption = Annotated[int | None, typer.Option("--action", help="All messages of an action, by its id.")]
All = Annotated[bool, typer.Option("--all", help="All messages under review.")]
Work: TypeAlias = Callable[[Core, str, Chosen], Awaitable[Released]]

COLUMNS = ("id", "channel", "message", "person", "flow_id", "action_id", "queued_at")


def list_(
    flow: FlowOption = None,
    action: ActionOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """List the messages under review, the oldest first."""

    async def task(database: Database) -> list[Row]:
        owner = await the_account(database, account)
        flow_id = await the_flow(database, owner.account_id, flow) if flow else None
        return await list_review(database, owner.account_id, Chosen(None, flow_id, action), limit)

    print_rows([_shown(row) for row in with_database(task)], COLUMNS, as_json=as_json)


def release(
    ids: Ids = None,
    flow: FlowOption = None,
    action: ActionOption = None,
    everything: All = False,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Send messages under review, as far as they pass every check now."""
    _decide(review.release, (ids, flow, action, everything), account, as_json)


def cancel(
    ids: Ids = None,
    flow: FlowOption = None,
    action: ActionOption = None,
    everything: All = False,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Take messages out of the review queue for good."""
    _decide(review.cancel, (ids, flow, action, everything), account, as_json)


def _decide(
    work: Work, choice: tuple[list[str] | None, str | None, int | None, bool], account: str | None, as_json: bool
) -> None:
    ids, flow, action, everything = choice
    config = Config.from_environment()
    named = _uuids(ids) if ids else None
    if [bool(ids), flow is not None or action is not None, everything].count(True) != 1:
        raise CommandError("say which messages: ids, or --flow and --action, or --all")

    async def task(database: Database) -> Released:
        owner = await the_account(database, account)
        flow_id = await the_flow(database, owner.account_id, flow) if flow else None
        workshop = Workshop(make_signer(config, RandomIds()), public_url(config))
        core = build_core(database, workshop, providers={})
        return await _until_done(core, owner.account_id, Chosen(named, flow_id, action), work)

    _print(with_database(task, config), as_json)


async def _until_done(core: Core, account_id: str, chosen: Chosen, work: Work) -> Released:
    """Go on for as long as more messages remain, and some leave the queue."""
    total = await work(core, account_id, chosen)
    while total.remaining:
        more = await work(core, account_id, chosen)
        if not more.settled:
            break
        total = total.plus(more)
    return total


def _uuids(ids: list[str]) -> frozenset[UUID]:
    found = set()
    for one in ids:
        try:
            found.add(UUID(one))
        except ValueError:
            raise CommandError(f"{one!r} is not the id of a message; `headrace review list` shows them") from None
    return frozenset(found)


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["delivery_id"]),
        "channel": Channel(row["channel"]).send_channel,
        "message": row["message"],
        "person": row["person"],
        "profile_id": row["profile_id"],
        "flow_id": row["flow_id"],
        "action_id": str(row["action_id"]),
        "queued_at": row["queued_at"],
    }


def _print(done: Released, as_json: bool) -> None:
    if as_json:
        print_json(done.document())
        return
    print(f"Released {done.released} ({done.held} of them after quiet hours), canceled {done.canceled}.")
    for reason, count in sorted(done.skipped.items()):
        print(f"Skipped {count}: {reason}.")
    if done.unknown:
        print(f"{done.unknown} were not under review.")
    if done.remaining:
        print("More are under review.")
