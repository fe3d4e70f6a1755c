"""`headrace person history`: what happened to a person, in one order."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.api.commands.timeline import Item, timeline
from headrace.cli.accounts import Json
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json, print_rows
from headrace.cli.people import Person, profile_id_of
from headrace.cli.runtime import the_account, with_database
from headrace.errors import CommandError
from headrace.storage.database import Database
from headrace.storage.timeline import KINDS

MOST = 1_000


def history(
    person: Person,
    kind: Annotated[list[str] | None, typer.Option(help=f"{', '.join(KINDS)}; as often as needed, else all.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="How many, the newest.")] = 50,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Tell what happened to a person, the newest first: events, consent, lists and segments, flows, messages."""
    for one in kind or ():
        if one not in KINDS:
            raise CommandError(f"--kind {one!r} is none of {', '.join(KINDS)}")

    async def task(database: Database) -> list[Item]:
        owner = await the_account(database, account)
        async with database.connection() as connection:
            profile_id = await profile_id_of(connection, owner.account_id, person)
        return await timeline(database, owner.account_id, profile_id, kind or KINDS, None, limit)

    items = with_database(task)
    if as_json:
        print_json(
            [{"kind": one.kind, "at": one.at, "title": one.title, "details": dict(one.details)} for one in items]
        )
    else:
        print_rows(
            [{"at": one.at, "kind": one.kind, "what": one.title} for one in items],
            ("at", "kind", "what"),
            as_json=False,
        )
