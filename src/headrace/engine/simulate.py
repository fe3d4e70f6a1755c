"""Simulation: a flow, people and what happens to them, played on a clock of its own by the engine itself.

What is here: `Simulation`, which tests hold in their hands, and `simulate`, which plays a whole list of scenes. There
is no second engine: an account is made on a virtual clock, the flow is imported, events go in as the API takes them,
and `virtual.advance_clock` moves on. What is not here: reading files (`play`), what is told of the outcome
(`simulated`).

    simulation = await Simulation.open(database)
    await simulation.flow(document)
    await simulation.join("Newsletter", "ana")
    await simulation.advance("30d")
    assert ["Welcome", "Our story"] == [message.name for message in await simulation.messages()]

Our choice: a metric, list or template that the document names by anything but an id of the account is made under that
name, so that a document may be written by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from headrace.clock import VirtualClock
from headrace.conditions.parsing import show
from headrace.conditions.segment_definition import compile_segment, read_segment
from headrace.engine.core import Core
from headrace.engine.durations import read_duration
from headrace.engine.play import (
    Act,
    Changed,
    Consented,
    Joined,
    Person,
    Scene,
    Tracked,
    changes_of,
    label_of,
    profile_of,
)
from headrace.engine.setup import build_core, choose_providers
from headrace.engine.simulated import Message, Report, load_messages, load_report
from headrace.engine.virtual import advance_clock
from headrace.errors import CommandError, Problem
from headrace.flows.identity import as_creation
from headrace.flows.references import references
from headrace.flows.spelling import from_camel, read_flow_file
from headrace.ids import IdSource, RandomIds
from headrace.messages.rendered import Workshop
from headrace.messages.tokens import Signer
from headrace.model import Account
from headrace.model.account import Settings
from headrace.storage.accounts import create_account
from headrace.storage.consents import ConsentChange, set_consent
from headrace.storage.database import Connection, Database
from headrace.storage.flow_files import import_flow
from headrace.storage.flows import load_flow
from headrace.storage.groups import create_list, join_group, leave_group
from headrace.storage.identity import IncomingProfile
from headrace.storage.ingest import Accepted, Arrival, IncomingEvent, ingest
from headrace.storage.resolve import Resolver
from headrace.storage.segments import NewSegment, create_segment

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""When a simulation begins unless it is told otherwise: a Monday, 10:00 UTC."""
BASE_URL = "http://simulation.invalid"

_METRIC = """
SELECT metric_id FROM metric WHERE account_id = $1 AND (metric_id = $2 OR name = $2)
ORDER BY metric_id <> $2, integration_name <> 'API', metric_id LIMIT 1
"""
_GROUP = """
SELECT group_id FROM profile_group WHERE account_id = $1 AND (group_id = $2 OR name = $2)
ORDER BY group_id <> $2, group_id LIMIT 1
"""
_MEMBERS = """
SELECT m.profile_id, m.joined_at FROM membership m JOIN profile_group g USING (account_id, group_id)
WHERE m.account_id = $1 AND (g.group_id = $2 OR g.name = $2) ORDER BY m.joined_at, m.profile_id
"""


@dataclass
class Simulation:
    """An account whose time passes only when it is told to. `now` is its present moment.

    People are named by an e-mail address, by the part of one of example.com ("ana"), or by the object that `play`
    describes; they are made when they are first named.
    """

    core: Core
    account: Account
    start: datetime
    now: datetime
    flow_ids: list[str] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    scenes: list[tuple[datetime, str, Act]] = field(default_factory=list)
    _named: dict[str, str] = field(default_factory=dict)
    _called: dict[int, str] = field(default_factory=dict)

    @classmethod
    async def open(
        cls,
        database: Database,
        *,
        start: datetime = START,
        timezone: str = "UTC",
        settings: Settings | None = None,
        ids: IdSource | None = None,
    ) -> Simulation:
        """Make an account over a migrated database, and an engine whose messages stay in the inbox."""
        ids = ids or RandomIds()
        workshop = Workshop(Signer([(0, ids.secret().encode())]), BASE_URL)
        core = build_core(database, workshop, providers=choose_providers(database), ids=ids)
        blank = Account("", "Simulation", timezone=timezone, settings=settings or Settings())
        account = await create_account(database, ids, blank, VirtualClock(start))
        return cls(core, account, start, start)

    async def flow(self, document: Any, status: str | None = "live") -> str:
        """Add a flow in any spelling that `headrace import` reads and return its id.

        `status` is given to the flow and its actions; None leaves those of the document. Raises `Problems`.
        """
        place = (self.core.database, self.account.account_id, self.core.ids, self.now)
        imported = await import_flow(*place, with_names(document), create_missing=True, status=status)
        for one in imported.made:
            self._named |= {one.given_id: one.made_id, one.name: one.made_id}
        self.flow_ids.append(imported.flow_id)
        await self._remember(imported.flow_id, document)
        return imported.flow_id

    async def segment(self, name: str, definition: Mapping[str, Any]) -> str:
        """Add a segment by its definition and return its id; its members are worked out from now on.

        The metrics, lists and segments that it names by anything but an id go by that name, as in a flow: add it before
        the flow that begins with it. Raises `Problems`.
        """
        read_segment(definition)
        told = await self._named_by_ids(definition)
        topics = compile_segment(read_segment(told), "").topics()
        async with self.core.database.transaction() as transaction:
            place = (transaction, self.account.account_id, self.core.ids, NewSegment(name, told, topics))
            group_id = await create_segment(*place, self.now, self.core.clock.now())
        await self.advance_to(self.now)
        self._named[name] = group_id
        return group_id

    async def members(self, group: str) -> dict[str, datetime]:
        """Return who is on a list or in a segment now, by their labels, and since when."""
        await self.advance_to(self.now)
        async with self.core.database.statements() as connection:
            rows = await connection.fetch(_MEMBERS, self.account.account_id, self._named.get(group, group))
        return {self.people[row["profile_id"]]: row["joined_at"] for row in rows if row["profile_id"] in self.people}

    async def person(self, person: Any, *acts: Act) -> str:
        """Make a person, or lay what is told over one who exists; return the profile id. Nothing begins by it."""
        profile = profile_of(person)
        async with self.core.database.transaction() as transaction:
            profile_id = await self._resolve(transaction, profile)
            for act in acts:
                await self._act(transaction, profile_id, act, starts_nothing=True)
        return profile_id

    async def event(
        self, metric: str, person: Any, *, properties: Mapping[str, Any] | None = None, value: float | None = None
    ) -> None:
        """Let a person do something now."""
        amount = None if value is None else Decimal(str(value))
        await self._happen(profile_of(person), Tracked(metric, properties or {}, amount))

    async def join(self, group: str, person: Any) -> None:
        """Put a person on a list now."""
        await self._happen(profile_of(person), Joined(group))

    async def leave(self, group: str, person: Any) -> None:
        """Take a person off a list now."""
        await self._happen(profile_of(person), Joined(group, joins=False))

    async def set(self, person: Any, **values: Any) -> None:
        """Change attributes or custom properties of a person now."""
        await self._happen(profile_of(person), Changed(values))

    async def play(self, scenes: Iterable[Scene]) -> None:
        """Let scenes happen, each at its moment, in the order of time; the clock moves along."""
        seen: set[str] = set()
        for scene in sorted(scenes, key=lambda one: one.at):
            who = label_of(scene.person)
            if scene.at > self.now or who in seen:
                await self.advance_to(scene.at)
                seen.clear()
            seen.add(who)
            for act in scene.acts:
                await self._happen(scene.person, act)

    async def advance(self, by: str | timedelta) -> None:
        """Let time pass: a duration like `3d` or `1d 2h`."""
        await self.advance_to(self.now + (read_duration(by) if isinstance(by, str) else by))

    async def advance_to(self, moment: datetime) -> None:
        """Let time pass until a moment; all that becomes due on the way happens."""
        await advance_clock(self.core, self.account.account_id, moment)
        self.now = moment

    async def messages(self) -> list[Message]:
        """Return the messages that were sent so far, in the order of time."""
        await self.advance_to(self.now)
        return await load_messages(self.core.database, self.account.account_id, self.people)

    async def report(self) -> Report:
        """Return what happened to everybody, and what the actions of each flow came to."""
        await self.advance_to(self.now)
        account_id = self.account.account_id
        return await load_report(
            self.core.database,
            account_id,
            self.flow_ids,
            self.people,
            self.scenes,
            self.start,
            self.now,
            self._called,
        )

    async def _remember(self, flow_id: str, document: Any) -> None:
        """Keep what the document calls the actions: they were stored in its order."""
        given = as_creation(read_flow_file(document).definition)["actions"]
        stored = (await load_flow(self.core.database, self.account.account_id, flow_id)).definition["actions"]
        self._called |= {int(own["id"]): one["temporary_id"] for one, own in zip(given, stored, strict=True)}

    async def _happen(self, person: IncomingProfile, act: Act) -> None:
        if isinstance(act, Tracked):
            await self._track(person, act)
            return
        async with self.core.database.transaction() as transaction:
            profile_id = await self._resolve(transaction, person)
            await self._act(transaction, profile_id, act)
        self.scenes.append((self.now, profile_id, act))

    async def _track(self, person: IncomingProfile, act: Tracked) -> None:
        metric_id = await self._metric(act.metric)
        moment = self.now.replace(microsecond=0)
        await self.core.partitions.ensure("event", [moment])
        serials = await self.core.serials.take(1)
        event = IncomingEvent(person, metric_id, moment, f"simulated-{serials[0]}", act.properties, act.value)
        arrival = Arrival(self.now, self.core.clock.now())
        place = (self.account.account_id, [event], serials, arrival, self.core.ids)
        async with self.core.database.transaction() as transaction:
            (accepted,) = await ingest(transaction, *place)
        if isinstance(accepted, Accepted):
            self.people[accepted.profile_id] = self.people.get(accepted.profile_id, label_of(person))
            self.scenes.append((self.now, accepted.profile_id, act))
        else:
            raise accepted

    async def _act(self, transaction: Connection, profile_id: str, act: Act, *, starts_nothing: bool = False) -> None:
        account_id, at = self.account.account_id, self.now
        match act:
            case Joined(joins=True):
                group_id = await self._group(transaction, act.group)
                place = (transaction, account_id, group_id, [profile_id], at, self.core.clock.now())
                await join_group(*place, starts_nothing=starts_nothing)
            case Joined():
                group_id = await self._group(transaction, act.group)
                await leave_group(transaction, account_id, group_id, [profile_id], at, self.core.clock.now())
            case Changed():
                await self._resolve(transaction, changes_of(act.values)._replace(profile_id=profile_id))
            case Consented():
                change = ConsentChange(profile_id, act.channel, act.subscription, at, "SIMULATION")
                await set_consent(transaction, account_id, change)
            case Tracked():
                raise CommandError("events happen in the course of a simulation, not before it")

    async def _resolve(self, transaction: Connection, person: IncomingProfile) -> str:
        resolver = Resolver(transaction, self.account.account_id, self.core.ids, self.now)
        (found,) = await resolver.resolve([person])
        if isinstance(found, Problem):
            raise found
        self.people.setdefault(found, label_of(person))
        return found

    async def _named_by_ids(self, told: Any) -> Any:
        """Return a part of a segment's definition with ids in place of names."""
        if isinstance(told, list):
            return [await self._named_by_ids(one) for one in told]
        if not isinstance(told, Mapping):
            return told
        found = {key: await self._named_by_ids(one) for key, one in told.items()}
        if "metric_id" in found:
            found["metric_id"] = await self._metric(found["metric_id"])
        if "group_ids" in found:
            async with self.core.database.transaction() as transaction:
                found["group_ids"] = [await self._group(transaction, one) for one in found["group_ids"]]
        return found

    async def _metric(self, name: str) -> str:
        """Return the id of the metric that goes by a name or an id; it is made where there is none."""
        account_id = self.account.account_id
        found: str | None = self._named.get(name) or await self.core.database.fetch_value(_METRIC, account_id, name)
        return found or (await self.core.metrics.ids(account_id, [name]))[name]

    async def _group(self, transaction: Connection, name: str) -> str:
        account_id = self.account.account_id
        found: str | None = self._named.get(name) or await transaction.fetch_value(_GROUP, account_id, name)
        if found is None:
            found = await create_list(transaction, account_id, self.core.ids, name, self.now)
        return found


async def simulate(
    database: Database,
    document: Any,
    scenes: Iterable[Scene],
    until: datetime,
    *,
    people: Iterable[Person] = (),
    start: datetime = START,
    timezone: str = "UTC",
    status: str | None = "live",
    ids: IdSource | None = None,
) -> Report:
    """Play scenes through one flow and return what came of it.

    `people` are there before the flow goes live. The clock ends at `until`, or at the last scene if that is later.
    Raises `Problems` where the flow cannot be imported or does not run.
    """
    scenes = list(scenes)
    simulation = await Simulation.open(database, start=start, timezone=timezone, ids=ids)
    for one in people:
        await simulation.person(one.profile, *one.acts)
    await simulation.flow(document, status)
    await simulation.play(scenes)
    await simulation.advance_to(max(until, simulation.now))
    return replace(await simulation.report(), notes=notes_on(document, scenes))


def notes_on(document: Any, scenes: Iterable[Scene]) -> tuple[str, ...]:
    """Return a sentence where events are of metrics that a flow's document neither waits for nor asks about."""
    played = sorted({act.metric for scene in scenes for act in scene.acts if isinstance(act, Tracked)})
    used = _metrics_of(document)
    strange = [name for name in played if name not in used.keys() | set(used.values())]
    if not strange:
        return ()
    wanted = ", ".join(map(show, sorted(set(used.values())))) or "no metric at all"
    return (f"The events name {', '.join(map(show, strange))}, which this flow does not use; it uses {wanted}.",)


def _metrics_of(document: Any) -> dict[str, str]:
    """Return the ids of the metrics that a document names, with the names that it tells, else the ids again."""
    named = with_names(document)
    names = {
        one["id"]: str(one["attributes"]["name"])
        for one in named["included"]
        if isinstance(one, dict) and one.get("type") == "metric" and (one.get("attributes") or {}).get("name")
    }
    ids = references(as_creation(read_flow_file(document).definition)).metric_ids
    return {one: names.get(one, one) for one in ids}


def with_names(document: Any) -> Any:
    """Return a flow's document in which everything that it names has a name: its id, where it tells none."""
    definition = as_creation(read_flow_file(document).definition)
    named = references(definition)
    spelled = from_camel(document)
    included = spelled.get("included") or []
    known = {one.get("id") for one in included if isinstance(one, dict)}
    ids = (*named.metric_ids, *named.group_ids, *named.template_ids)
    kinds = (
        *("metric" for _ in named.metric_ids),
        *("list" for _ in named.group_ids),
        *("template" for _ in named.template_ids),
    )
    added = [
        {"type": kind, "id": one, "attributes": {"name": one}}
        for kind, one in zip(kinds, ids, strict=True)
        if one not in known
    ]
    return {**document, "included": [*included, *added]}
