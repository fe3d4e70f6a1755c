"""`headrace import-profiles`: people from a CSV file, with lists and consent. See docs/howto/import-people.md."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.api.commands.profiles import written
from headrace.cli.accounts import Json
from headrace.cli.imports.columns import CONSENT, TYPES, columns_of, pairs
from headrace.cli.imports.csv_rows import CsvRows
from headrace.cli.imports.error_files import csv_errors
from headrace.cli.imports.options import DryRun, ErrorsPath, Map, OnlyMapped, Restart, errors_path, import_file
from headrace.cli.imports.profile_rows import CHANNELS, ProfileRows, Someone
from headrace.cli.imports.running import Options, Place, Work, opened_file
from headrace.cli.keys import AccountOption
from headrace.errors import CommandError, Problem
from headrace.storage.consenting import Source, add_to_list, make_room, record_consents
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED, ConsentChange
from headrace.storage.database import Connection, Database
from headrace.storage.groups import groups_by_name
from headrace.storage.own_events import Room
from headrace.storage.profile_wishes import Result, Written
from headrace.storage.profiles import write_profiles

METHOD = "manual_import"
"""How consent that an import brings came about. Source: reference 3.3."""
STATES = {"subscribed": SUBSCRIBED, "unsubscribed": UNSUBSCRIBED}

Consents = dict[str, str]
_Batch = tuple[Sequence[Someone], Room | None, datetime]


def import_profiles(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The file; its first row names the columns.")],
    map_: Annotated[
        Map,
        typer.Option(
            "--map", metavar="COLUMN=FIELD", help="What a column is; FIELD - leaves it out. As often as needed."
        ),
    ] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", metavar="COLUMN=TYPE", help=f"{', '.join(TYPES)}; text if not told.")
    ] = None,
    only_mapped: OnlyMapped = False,
    list_: Annotated[str | None, typer.Option("--list", help="The id or name of a list that they all join.")] = None,
    consent: Annotated[
        list[str] | None,
        typer.Option("--consent", metavar="CHANNEL=STATE", help="email, sms or whatsapp = subscribed or unsubscribed."),
    ] = None,
    no_flows: Annotated[
        bool, typer.Option("--no-flows", help="Joining the list and the consent start no flows: they are history.")
    ] = False,
    delimiter: Annotated[
        str | None, typer.Option(help="What stands between cells: comma, semicolon, tab, pipe or a character.")
    ] = None,
    encoding: Annotated[str, typer.Option(help="How text is written, such as utf-8 or windows-1252.")] = "utf-8",
    errors: ErrorsPath = None,
    restart: Restart = False,
    dry_run: DryRun = False,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Make or change the people that a CSV file tells of; run it once more and it goes on where it stopped.

    A column that is not mapped becomes a custom property of its name. An empty cell changes nothing. Exit status 1
    when rows were refused and none was taken.
    """
    mapping, types, consents = pairs("--map", map_ or ()), pairs("--type", type_ or ()), consents_of(consent or ())

    with opened_file(file) as opened:

        async def make(place: Place) -> Work[Someone]:
            rows = CsvRows(opened, delimiter, encoding)
            columns = columns_of(rows.header, mapping, types, only_mapped=only_mapped)
            for channel in consents:
                if any(one.target == f"{CONSENT}{channel}" for one in columns):
                    raise CommandError(f"--consent and a column both say what people agreed to by {channel}")
            read = ProfileRows(rows.header, columns)
            list_id = await _list_id(place.database, place.account.account_id, list_) if list_ else None
            told = (list_id, consents, no_flows, delimiter, encoding, [(one.heading, one.target) for one in columns])
            return Work(
                kind="profiles",
                path=file,
                start=rows.start,
                settings=(*map(repr, told), repr(sorted(types.items()))),
                records=lambda position, row: read.people(rows.after(position, row)),
                first_row=1,
                target=People(place, list_id, consents, starts_nothing=no_flows),
                errors=csv_errors(errors_path(errors, file, "csv", dry_run=dry_run), rows.header, read.find),
            )

        import_file(account, Options(restart, dry_run, as_json), make)


class People:
    """Writes batches of people, puts them on a list, and records what they agreed to."""

    __slots__ = ("_consents", "_list_id", "_place", "_starts_nothing")

    def __init__(self, place: Place, list_id: str | None, consents: Consents, *, starts_nothing: bool) -> None:
        self._place = place
        self._list_id = list_id
        self._consents = consents
        self._starts_nothing = starts_nothing

    async def prepare(self, items: Sequence[Someone]) -> _Batch:
        """Make room for the events of joining and agreeing."""
        now = self._place.clock.now()
        count = len(items) * ((self._list_id is not None) + len(self._consents))
        count += sum(len(one.consents) for one in items)
        if not count:
            return items, None, now
        own, account_id = self._place.services.own_events, self._place.account.account_id
        return items, await make_room(own, account_id, count, [now], starts_nothing=self._starts_nothing), now

    async def write(self, transaction: Connection, prepared: _Batch) -> list[Problem | None]:
        """Write a batch."""
        people, room, now = prepared
        services, account_id = self._place.services, self._place.account.account_id
        found = await write_profiles(transaction, account_id, services.ids, [one.wish for one in people], now)
        if room is not None:
            good = [(one.profile_id, who) for one, who in zip(found, people, strict=True) if isinstance(one, Written)]
            await self._record(transaction, room, good, now)
        return [_problem(one) for one in found]

    async def _record(
        self, transaction: Connection, room: Room, good: Sequence[tuple[str, Someone]], now: datetime
    ) -> None:
        if self._list_id is not None and good:
            ids = {profile_id for profile_id, _ in good}
            await add_to_list(transaction, room, self._list_id, ids, now, Source(METHOD))
        changes = [
            ConsentChange(profile_id, CHANNELS[channel][0], state, now, METHOD)
            for profile_id, who in good
            for channel, state in {**self._consents, **who.consents}.items()
            if who.has_address(channel)
        ]
        if changes:
            await record_consents(transaction, room, changes, now)


def _problem(result: Result) -> Problem | None:
    try:
        written(result, "")
    except Problem as problem:
        return problem
    return None


def consents_of(given: Sequence[str]) -> Consents:
    """Return channel -> state of consent; raises `CommandError` for what is unknown or contradicts itself."""
    found: Consents = {}
    for text in given:
        channel, sign, state = text.lower().partition("=")
        if not sign or channel not in CHANNELS or state not in STATES:
            raise CommandError(f"--consent {text!r} must be {', '.join(CHANNELS)} = {' or '.join(STATES)}")
        if found.setdefault(channel, STATES[state]) != STATES[state]:
            raise CommandError(f"--consent says both that people are subscribed to {channel} and that they are not")
    return found


async def _list_id(database: Database, account_id: str, named: str) -> str:
    """Return the id of a list by its id or its name; raises `CommandError`."""
    row: Any = await database.fetch_row(
        "SELECT group_id FROM profile_group WHERE account_id = $1 AND group_id = $2 AND kind = 'list'",
        account_id,
        named,
    )
    found = row["group_id"] if row else (await groups_by_name(database, account_id, "list", [named])).get(named)
    if found is None:
        raise CommandError(f"account {account_id} has no list {named!r}")
    return str(found)
