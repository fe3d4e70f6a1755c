"""`headrace clock`: stopping and moving the clock of a test account."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, TypeVar

import typer

from headrace.cli.accounts import Json
from headrace.cli.engine import engine_core, make_signer
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json
from headrace.cli.runtime import the_account, with_database
from headrace.clock import SystemClock
from headrace.config import Config
from headrace.engine import account_clock
from headrace.engine.account_clock import Moved, Standing
from headrace.engine.core import Core
from headrace.engine.durations import read_duration, read_moment
from headrace.errors import CommandError
from headrace.ids import RandomIds
from headrace.storage.database import Database

Result = TypeVar("Result")
SYSTEM = SystemClock()


def show(account: AccountOption = None, as_json: Json = False) -> None:
    """Show where the account's clock stands and when something is due next."""

    async def task(database: Database) -> Standing:
        owner = await the_account(database, account)
        return await account_clock.standing(database, owner.account_id, SYSTEM)

    _print(with_database(task), None, as_json)


def freeze(account: AccountOption = None, as_json: Json = False) -> None:
    """Stop the account's clock where the machine's stands now."""

    async def task(database: Database) -> Standing:
        owner = await the_account(database, account)
        await account_clock.freeze_clock(database, owner.account_id, SYSTEM)
        return await account_clock.standing(database, owner.account_id, SYSTEM)

    _print(with_database(task), None, as_json)


def follow(account: AccountOption = None, as_json: Json = False) -> None:
    """Let the account follow the machine's clock again."""

    async def task(database: Database) -> Standing:
        owner = await the_account(database, account)
        await account_clock.follow_clock(database, owner.account_id)
        return await account_clock.standing(database, owner.account_id, SYSTEM)

    _print(with_database(task), None, as_json)


def advance(
    by: Annotated[str | None, typer.Argument(help="A duration, such as 3d, 12h, 30m, 2w or P3D.")] = None,
    to: Annotated[str | None, typer.Option(help="A moment of ISO 8601 instead of a duration.")] = None,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Move a stopped clock forward; what becomes due on the way happens, in its order."""
    if (by is None) == (to is None):
        raise CommandError("say either a duration, such as 3d, or a moment by --to")

    async def work(core: Core, account_id: str) -> Moved:
        return await account_clock.advance(core, account_id, await _target(core.database, account_id, by, to))

    _print(*_moving(account, work), as_json)


def run_to_next(account: AccountOption = None, as_json: Json = False) -> None:
    """Move a stopped clock to the next moment at which something is due."""
    _print(*_moving(account, account_clock.run_to_next), as_json)


async def _target(database: Database, account_id: str, by: str | None, to: str | None) -> datetime:
    if to is not None:
        return read_moment(to)
    return (await account_clock.standing(database, account_id, SYSTEM)).now + read_duration(by or "")


def _moving(account: str | None, work: Callable[[Core, str], Awaitable[Moved]]) -> tuple[Standing, Moved]:
    config = Config.from_environment()

    async def task(database: Database) -> tuple[Standing, Moved]:
        owner = await the_account(database, account)
        async with engine_core(database, config, make_signer(config, RandomIds())) as core:
            moved = await work(core, owner.account_id)
        return await account_clock.standing(database, owner.account_id, SYSTEM), moved

    return with_database(task, config)


def _print(standing: Standing, moved: Moved | None, as_json: bool) -> None:
    if as_json:
        print_json({**asdict(standing), **({} if moved is None or moved.work is None else {"work": moved.work})})
        return
    following = "nothing is due later" if standing.next_at is None else f"next due at {_told(standing.next_at)}"
    stands = "stands at" if standing.mode == "frozen" else "follows the machine's,"
    work = "" if moved is None or moved.work is None else f"; {moved.work} things were done"
    print(f"The clock {stands} {_told(standing.now)}{work}; {following}.")


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
