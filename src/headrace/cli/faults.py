"""`headrace fault`: what a tester lets go wrong in a test account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import ValidationError

from headrace.api.commands.faults import Fault, keep_fault
from headrace.cli.accounts import Json
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_rows
from headrace.cli.runtime import the_account, with_database
from headrace.clock import SystemClock
from headrace.errors import CommandError
from headrace.ids import RandomIds
from headrace.jsonapi.problems import from_validation
from headrace.storage.database import Database, Row
from headrace.storage.faults import delete_faults, list_faults

COLUMNS = ("fault_id", "operation", "status", "latency_ms", "retry_after", "remaining", "created_at")


def add(
    status: Annotated[int | None, typer.Option(help="Answer with 429, 500 or 503; left out, only delay.")] = None,
    operation: Annotated[str | None, typer.Option(help="Such as get_flows; left out, every one under /api/.")] = None,
    latency_ms: Annotated[int, typer.Option(help="Milliseconds before the answer.")] = 0,
    retry_after: Annotated[int | None, typer.Option(help="Seconds that the answer asks a client to wait.")] = None,
    count: Annotated[int, typer.Option(help="How many requests meet it.")] = 1,
    account: AccountOption = None,
) -> None:
    """Let the next requests of a test account be refused or delayed; print the fault's id."""
    given = {"operation": operation, "status": status, "latency_ms": latency_ms, "retry_after": retry_after}
    asked = _fault({**given, "count": count})

    async def task(database: Database) -> str:
        owner = await the_account(database, account)
        return await keep_fault(database, RandomIds(), SystemClock(), owner, asked)

    print(with_database(task))


def list_(account: AccountOption = None, as_json: Json = False) -> None:
    """List the account's faults, oldest first; those used up are shown for a day."""

    async def task(database: Database) -> Sequence[Row]:
        return await list_faults(database, (await the_account(database, account)).account_id)

    print_rows([dict(row) for row in with_database(task)], COLUMNS, as_json=as_json)


def clear(account: AccountOption = None) -> None:
    """Take every fault back."""

    async def task(database: Database) -> int:
        owner = await the_account(database, account)
        async with database.transaction() as transaction:
            return await delete_faults(transaction, owner.account_id)

    taken = with_database(task)
    print("1 fault was taken back." if taken == 1 else f"{taken} faults were taken back.")


def _fault(given: dict[str, object]) -> Fault:
    try:
        return Fault.model_validate(given)
    except ValidationError as error:
        told = " ".join(one.detail for one in from_validation(error, given).problems)
        raise CommandError(told) from None
