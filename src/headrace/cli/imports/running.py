"""Running an import: where it goes on, how it ends, and what it tells.

What is here: recognizing a file, and the summary. What is not: the rows (`profile_rows`, `event_lines`) and the loop
(`engine.imports`). Our choice: a file is known by its name, its size and its first 64 KB, read in a certain way;
another list or mapping is another import, which begins at the first row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

from headrace.api.state import Services
from headrace.cli.imports.bar import told
from headrace.cli.imports.error_files import ErrorFile
from headrace.cli.memory import calm_collector
from headrace.cli.output import print_json
from headrace.clock import Clock, SystemClock, stopwatch
from headrace.engine.imports import Checking, Record, Step, Target, Writing, take_in
from headrace.errors import CommandError
from headrace.model import Account
from headrace.storage.database import Database
from headrace.storage.import_files import FileKey, Progress, begin_import, finish_import, read_progress

HEAD = 64 * 1024
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows go: the account, its clock, and the services of this process."""

    services: Services
    account: Account
    clock: Clock

    @property
    def database(self) -> Database:
        """The database."""
        return self.services.database


@dataclass(frozen=True, slots=True, eq=False)
class Work(Generic[Item]):
    """One import: the file and how it is read. `settings` are the options that make it another import."""

    kind: str
    path: Path
    start: int
    settings: tuple[str, ...]
    records: Callable[[int, int], Iterator[Record[Item]]]
    first_row: int
    target: Target[Item]
    errors: ErrorFile


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked of every import."""

    restart: bool = False
    dry_run: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What came of an import; `resumed_at` is the row after which it went on, None where it began at the first."""

    progress: Progress
    seconds: float
    resumed_at: int | None = None
    was_done: bool = False


def opened_file(path: Path) -> BinaryIO:
    """Open a file; raises `CommandError` where it cannot be read or is no file."""
    try:
        if not path.is_file():
            raise CommandError(f"{path} is not a file that can be read")
        return path.open("rb")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None


async def run(place: Place, work: Work[Item], options: Options) -> Summary:
    """Take a file in, from where an earlier try stopped unless the options say otherwise."""
    calm_collector()
    first = Progress(work.start, work.first_row)
    if options.dry_run:
        work.errors.begin(0)
        return await _taken_in(work, first, Checking(work.errors))
    key, system, size = _key(place, work), SystemClock(), work.path.stat().st_size
    stored = await read_progress(place.database, key)
    if stored is not None and not options.restart:
        if stored.finished_at is not None:
            return Summary(stored.progress, 0.0, was_done=True)
        first = stored.progress
    else:
        await begin_import(place.database, key, work.path.name, size, first, system.now())
        stored = None
    if stored is not None and not options.as_json:
        print(f"It goes on after row {first.last_row:,}, where an earlier import stopped.", flush=True)
    kept = work.errors.begin(first.errors_size)
    first = replace(first, errors_size=kept)
    done = await _taken_in(work, first, Writing(place.database, key, work.target, work.errors, system))
    await finish_import(place.database, key, system.now())
    return Summary(done.progress, done.seconds, first.last_row if stored else None)


async def _taken_in(work: Work[Item], first: Progress, step: Step) -> Summary:
    began = stopwatch()
    with told(work.path.name, work.path.stat().st_size, first) as tell:
        records = work.records(first.position, first.last_row)
        progress = await take_in(records, first, step, tell)
    return Summary(progress, stopwatch() - began)


def _key(place: Place, work: Work[Any]) -> FileKey:
    with work.path.open("rb") as file:
        head = file.read(HEAD)
    known = (work.path.name, str(work.path.stat().st_size), *work.settings)
    digest = hashlib.blake2b("\n".join(known).encode() + b"\0" + head, digest_size=16).hexdigest()
    return FileKey(place.account.account_id, work.kind, digest)


def tell(work: Work[Any], summary: Summary, options: Options) -> None:
    """Print what came of an import."""
    progress = summary.progress
    errors = str(work.errors.path) if progress.refused else None
    if options.as_json:
        print_json(
            {
                "file": str(work.path),
                "taken": progress.taken,
                "refused": progress.refused,
                "errors": errors,
                "last_row": progress.last_row,
                "resumed_after_row": summary.resumed_at,
                "was_done": summary.was_done,
                "dry_run": options.dry_run,
                "seconds": round(summary.seconds, 3),
            }
        )
        return
    for line in _sentences(work, summary, options, errors):
        print(line)


def _counted(number: int, things: str) -> str:
    return f"{number:,} {things.removesuffix('s') if number == 1 else things}"


def _sentences(work: Work[Any], summary: Summary, options: Options, errors: str | None) -> Iterator[str]:
    progress = summary.progress
    if summary.was_done:
        yield f"{work.path.name} was imported before; --restart imports it once more."
    verb = "would be imported" if options.dry_run else "imported"
    took = "" if summary.was_done else f" in {summary.seconds:,.1f} s"
    yield f"{_counted(progress.taken, work.kind)} {verb}{took}, {_counted(progress.refused, 'rows')} refused."
    if errors:
        yield f"What is wrong with them stands in {errors}."
