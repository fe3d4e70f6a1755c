"""`headrace alert-recipient`: who gets internal alerts. An address gets none before it is confirmed."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.cli.accounts import EMAIL, Json
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_rows
from headrace.cli.runtime import the_account, with_database
from headrace.errors import CommandError
from headrace.storage.accounts import clock_of
from headrace.storage.alert_recipients import confirm_recipient, list_recipients, request_recipient
from headrace.storage.database import Database, Row

Address = Annotated[str, typer.Argument(help="An e-mail address.")]


def add(email: Address, account: AccountOption = None) -> None:
    """Name an address that is to get alerts; its owner must agree, which `confirm` writes down."""
    if not EMAIL.fullmatch(email):
        raise CommandError(f"{email!r} is not an e-mail address, such as ann@example.com")

    async def task(database: Database) -> None:
        owner = await the_account(database, account)
        async with database.transaction() as transaction:
            await request_recipient(transaction, owner.account_id, email)

    with_database(task)
    print(f"{email} gets alerts once it is confirmed.")


def confirm(email: Address, account: AccountOption = None) -> None:
    """Write down that the owner of an address agreed to get alerts."""

    async def task(database: Database) -> None:
        owner = await the_account(database, account)
        now = (await clock_of(database, owner)).now()
        async with database.transaction() as transaction:
            if not await confirm_recipient(transaction, owner.account_id, email, now):
                told = "add it first with `headrace alert-recipient add`"
                raise CommandError(f"account {owner.account_id} has no alert recipient {email!r}; {told}")

    with_database(task)
    print(f"{email} gets alerts.")


def list_(account: AccountOption = None, as_json: Json = False) -> None:
    """List those who get alerts and those who are still to confirm."""

    async def task(database: Database) -> list[Row]:
        return await list_recipients(database, (await the_account(database, account)).account_id)

    rows = [{"email": row["email"], "confirmed_at": row["confirmed_at"]} for row in with_database(task)]
    print_rows(rows, ("email", "confirmed_at"), as_json=as_json)
