"""`headrace person merge` and `headrace person delete`: what ends a profile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from headrace.api.state import Services
from headrace.cli.keys import AccountOption
from headrace.cli.people import Person, profile_id_of
from headrace.cli.runtime import the_account, with_database
from headrace.engine.deletions import Named, request_deletion
from headrace.engine.merges import request_merge
from headrace.errors import CommandError, Problem
from headrace.model import Account
from headrace.storage.database import Database

Into = Annotated[str, typer.Argument(help="The person that remains, named in the same ways.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def merge(person: Person, into: Into, account: AccountOption = None) -> None:
    """Merge a person into another one: two profiles become one, which keeps what it has and takes what it lacks."""

    async def task(services: Services, owner: Account) -> str:
        async with services.database.connection() as connection:
            source = await profile_id_of(connection, owner.account_id, person)
            target = await profile_id_of(connection, owner.account_id, into)
        now = (await services.clock_of(owner)).now()
        remaining = await request_merge(services, owner, source, target, now, services.system_clock.now())
        return f"{source} is {remaining} now."

    _run(account, task)


def delete(person: Person, yes: Yes = False, account: AccountOption = None) -> None:
    """Delete a person for good, everywhere; reports keep their sums. It cannot be undone."""
    if not yes:
        typer.confirm(f"Delete {person} for good?", abort=True)

    async def task(services: Services, owner: Account) -> str:
        async with services.database.connection() as connection:
            profile_id = await profile_id_of(connection, owner.account_id, person)
        now, system_now = (await services.clock_of(owner)).now(), services.system_clock.now()
        job_id = await request_deletion(services, owner.account_id, Named(profile_id), now, system_now)
        return f"{profile_id} is deleted; the job {job_id} removes what is left."

    _run(account, task)


def _run(account: str | None, task: Callable[[Services, Account], Awaitable[str]]) -> None:
    async def work(database: Database) -> str:
        services = Services.of(database)
        try:
            return await task(services, await the_account(database, account))
        except Problem as problem:
            raise CommandError(problem.detail) from None
        finally:
            await services.close()

    print(with_database(work))
