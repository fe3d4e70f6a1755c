"""`headrace import-events`: events from a JSONL file. See docs/howto/import-people.md."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from headrace.api.commands.events import PostedEvent, incoming_event
from headrace.cli.accounts import Json
from headrace.cli.imports.columns import pairs
from headrace.cli.imports.error_files import json_errors
from headrace.cli.imports.event_lines import EventLines, EventShape
from headrace.cli.imports.options import DryRun, ErrorsPath, Map, OnlyMapped, Restart, errors_path, import_file
from headrace.cli.imports.running import Options, Place, Work, opened_file
from headrace.cli.keys import AccountOption
from headrace.errors import Problem
from headrace.storage.database import Connection
from headrace.storage.ingest import Arrival, IncomingEvent, ingest

MAPPING = "PATH=FIELD"
_Batch = tuple[Sequence[IncomingEvent], Sequence[int], Arrival]


def import_events(
    file: Annotated[Path, typer.Argument(metavar="FILE.jsonl", help="The file; each line is an event in JSON.")],
    map_: Annotated[
        Map,
        typer.Option(
            "--map",
            metavar=MAPPING,
            help="What the value at a path is, like customer.mail=profile.email; FIELD - leaves it out. As often as "
            "needed.",
        ),
    ] = None,
    only_mapped: OnlyMapped = False,
    metric: Annotated[str | None, typer.Option(help="The metric of lines that name none.")] = None,
    backfill: Annotated[
        bool, typer.Option("--backfill/--no-backfill", help="Whether the events start no flows, being history.")
    ] = True,
    errors: ErrorsPath = None,
    restart: Restart = False,
    dry_run: DryRun = False,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Take in the events that a JSONL file tells of; run it once more and it goes on where it stopped.

    A line has the attributes of an event of the API: profile, metric, properties, time, value, unique_id. Exit status
    1 when rows were refused and none was taken.
    """
    shape = EventShape(pairs("--map", map_ or (), MAPPING), metric, backfill, only_mapped)
    shape.check()

    with opened_file(file) as opened:

        async def make(place: Place) -> Work[PostedEvent]:
            lines = EventLines(opened, shape, place.clock.now())
            return Work(
                kind="events",
                path=file,
                start=lines.start,
                settings=(repr(shape),),
                records=lines.after,
                first_row=0,
                target=Events(place),
                errors=json_errors(errors_path(errors, file, "jsonl", dry_run=dry_run), lines.find),
            )

        import_file(account, Options(restart, dry_run, as_json), make)


class Events:
    """Writes batches of events as the API does."""

    __slots__ = ("_place",)

    def __init__(self, place: Place) -> None:
        self._place = place

    async def prepare(self, items: Sequence[PostedEvent]) -> _Batch:
        """Make metrics and partitions, and draw numbers."""
        services, now = self._place.services, self._place.clock.now()
        metrics = await self._metrics(items)
        events = [incoming_event(one, metrics[one.metric], now) for one in items]
        await services.partitions.ensure("event", {event.occurred_at for event in events})
        serials = await services.serials.take(len(events))
        return events, serials, Arrival(now, services.system_clock.now())

    async def write(self, transaction: Connection, prepared: _Batch) -> list[Problem | None]:
        """Write a batch."""
        events, serials, arrival = prepared
        place = self._place
        found = await ingest(transaction, place.account.account_id, events, serials, arrival, place.services.ids)
        return [one if isinstance(one, Problem) else None for one in found]

    async def _metrics(self, items: Sequence[PostedEvent]) -> dict[tuple[str, str], str]:
        names: defaultdict[str, set[str]] = defaultdict(set)
        for integration, name in {one.metric for one in items}:
            names[integration].add(name)
        found: dict[tuple[str, str], str] = {}
        for integration, wanted in names.items():
            ids = await self._place.services.metrics.ids(self._place.account.account_id, wanted, integration)
            found.update({(integration, name): metric_id for name, metric_id in ids.items()})
        return found
