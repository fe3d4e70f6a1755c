"""`headrace key`: making, listing and revoking private keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from headrace.cli.accounts import Json
from headrace.cli.output import print_json, print_rows
from headrace.cli.runtime import the_account, with_database
from headrace.cli.scopes import expand
from headrace.clock import SystemClock
from headrace.errors import CommandError
from headrace.ids import RandomIds
from headrace.storage.database import Database
from headrace.storage.keys import Key, create_key, list_keys, revoke_key

AccountOption = Annotated[
    str | None, typer.Option("--account", help="The account's id; not needed when there is only one.")
]


def create(
    scopes: Annotated[
        str, typer.Option(help="`full`, `read-only`, or scopes such as flows:read,events:write; a wrong one lists all.")
    ],
    account: AccountOption = None,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    as_json: Json = False,
) -> None:
    """Make a private key and print it, this once."""
    wanted = expand(scopes)

    async def task(database: Database) -> tuple[str, Key]:
        owner = await the_account(database, account)
        return await create_key(database, RandomIds(), SystemClock(), owner.account_id, name, wanted)

    secret, key = with_database(task)
    if as_json:
        print_json({"key": secret, **asdict(key)})
    else:
        print(secret)


def list_(account: AccountOption = None, as_json: Json = False) -> None:
    """List the account's keys, revoked ones too; the keys themselves are not stored and cannot be shown."""

    async def task(database: Database) -> list[Key]:
        return await list_keys(database, (await the_account(database, account)).account_id)

    rows = [asdict(key) for key in with_database(task)]
    print_rows(rows, ("key_id", "name", "scopes", "created_at", "last_used_at", "revoked_at"), as_json=as_json)


def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `key list` shows it.")],
    account: AccountOption = None,
) -> None:
    """Revoke a key: from now on it is refused."""

    async def task(database: Database) -> None:
        owner = await the_account(database, account)
        if not await revoke_key(database, SystemClock(), owner.account_id, key_id):
            raise CommandError(f"account {owner.account_id} has no live key {key_id!r}")

    with_database(task)
    print(f"Revoked key {key_id}.")
