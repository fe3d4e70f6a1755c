"""What the two import commands are asked alike, and the frame in which they run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.api.state import Services
from headrace.cli.imports.running import Options, Place, Work, run, tell
from headrace.cli.runtime import the_account, with_database
from headrace.errors import CommandError
from headrace.storage.accounts import clock_of
from headrace.storage.database import Database
from headrace.storage.import_files import Progress

Map = list[str] | None
"""What `--map` takes; what stands on its left is a column here and a path there."""
OnlyMapped = Annotated[bool, typer.Option("--only-mapped", help="Leave out what is not mapped or understood.")]
ErrorsPath = Annotated[
    Path | None,
    typer.Option("--errors", help="The file for rows that are refused; by default beside the imported one."),
]
Restart = Annotated[bool, typer.Option("--restart", help="Begin at the first row, whatever was imported before.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check the rows and write nothing but the error file.")]


def import_file(account: str | None, options: Options, make: Callable[[Place], Coroutine[Any, Any, Work[Any]]]) -> None:
    """Run one import and print what came of it; exits with status 1 where rows were refused and none was taken."""

    async def task(database: Database) -> Progress:
        owner = await the_account(database, account)
        services = Services.of(database)
        place = Place(services, owner, await clock_of(database, owner))
        work = await make(place)
        summary = await run(place, work, options)
        tell(work, summary, options)
        return summary.progress

    progress = with_database(task)
    if progress.refused and not progress.taken:
        raise typer.Exit(1)


def errors_path(given: Path | None, file: Path, ending: str, *, dry_run: bool) -> Path:
    """Return where the error file stands: as told, or beside the imported file; a dry run has one of its own.

    Raises `CommandError` for the imported file itself, which it would replace.
    """
    if given is not None and given.resolve() == file.resolve():
        raise CommandError(f"--errors {given} is the file to be imported; name another one")
    return given or file.with_name(f"{file.name}{'.dry-run' if dry_run else ''}.errors.{ending}")
