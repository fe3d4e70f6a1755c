"""`headrace simulate`: a flow, people and what they do, played on a throw-away database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvloop

from headrace.cli.accounts import Json, check_timezone
from headrace.cli.counts import print_counts
from headrace.cli.flows import problem_lines, read_document
from headrace.cli.output import print_json, print_rows
from headrace.cli.runtime import opened
from headrace.cli.throwaway import throwaway_database
from headrace.config import Config
from headrace.engine.durations import read_duration, read_moment
from headrace.engine.play import Person, Scene, read_people, read_scenes
from headrace.engine.simulate import START, simulate
from headrace.engine.simulated import Moment, Report
from headrace.engine.truths import told_of
from headrace.errors import CommandError, Problem, Problems
from headrace.ids import RandomIds

Result = TypeVar("Result")


def simulate_flow(
    flow: Annotated[Path, typer.Argument(help="A flow's file; `-` reads standard input.")],
    events: Annotated[Path, typer.Option(help="What happens: JSON lines, see docs/howto/test-a-flow.md.")],
    until: Annotated[str, typer.Option(help="How long it is played: 30d, or a moment of ISO 8601.")] = "30d",
    start: Annotated[str | None, typer.Option(help="When it begins; by default 2026-03-02T10:00:00Z.")] = None,
    profiles: Annotated[Path | None, typer.Option(help="Who is there from the first: JSON lines.")] = None,
    timezone: Annotated[str, typer.Option(help="The account's time zone.")] = "UTC",
    as_it_is: Annotated[
        bool, typer.Option("--as-it-is", help="Keep the file's statuses instead of letting everything go live.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Play a flow on a throw-away database and print a timeline per person and a table of its actions."""
    check_timezone(timezone)
    document = read_document(flow)
    begins = START if start is None else read_moment(start)
    scenes = _lines(events, lambda lines: read_scenes(lines, begins))
    people = _lines(profiles, read_people) if profiles else []
    report = _play(flow, document, scenes, people, begins, _end(until, begins), timezone, as_it_is)
    if as_json:
        print_json(asdict(report))
    else:
        _print(report)


def _play(
    file: Path,
    document: Any,
    scenes: list[Scene],
    people: list[Person],
    start: datetime,
    until: datetime,
    timezone: str,
    as_it_is: bool,
) -> Report:
    async def run(dsn: str) -> Report:
        async with opened(dsn, size=4) as database:
            status = None if as_it_is else "live"
            return await simulate(
                database, document, scenes, until, people=people, start=start, timezone=timezone, status=status
            )

    with throwaway_database(Config.from_environment(), RandomIds()) as dsn:
        try:
            return uvloop.run(run(dsn))
        except (Problem, Problems) as problem:
            raise CommandError(f"{file} cannot be simulated\n  {problem_lines(problem)}") from problem


def _lines(file: Path, read: Callable[[list[str]], list[Result]]) -> list[Result]:
    try:
        return read(file.read_text().splitlines())
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    except CommandError as error:
        raise CommandError(f"{file} cannot be played\n  {error}") from error


def _end(until: str, start: datetime) -> datetime:
    try:
        return start + read_duration(until)
    except CommandError:
        end = read_moment(until)
    if end < start:
        raise CommandError(f"--until {until} lies before the simulation begins at {start.isoformat()}")
    return end


def _print(report: Report) -> None:
    for life in report.people:
        print(f"{life.person}: {'; '.join(life.runs) or 'never entered'}")
        rows = [_row(moment, report.start) for moment in life.moments]
        print_rows(rows, ("at", "since", "what", "of", "detail"), as_json=False)
        print()
    for counts in report.counts.values():
        print_counts(counts)
    for note in report.notes:
        print(f"Note: {note}")


def _row(moment: Moment, start: datetime) -> dict[str, Any]:
    return {
        "at": moment.at,
        "since": since(moment.at - start),
        "what": moment.what,
        "of": moment.of,
        "detail": _detail(moment.detail),
    }


def since(span: Any) -> str:
    """Return a time since the start as it is written in a file of events: `1d 2h 30m`."""
    left, parts = int(span.total_seconds()), []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0h"


def _detail(detail: Any) -> str:
    if not isinstance(detail, Mapping):
        return "-" if detail is None else str(detail)
    told = [f"{key} {value}" for key, value in detail.items() if key != "seen" and value not in (None, {}, [])]
    return f"{', '.join(told)}{told_of(detail.get('seen'))}" or "-"
