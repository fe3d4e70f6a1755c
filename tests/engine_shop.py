"""A shop for tests of the engine: an account, its people, its flows, and events as the API takes them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from headrace.channels.port import Provider
from headrace.clock import SystemClock, VirtualClock
from headrace.conditions.segment_definition import compile_segment, read_segment
from headrace.engine.core import Core, Limits
from headrace.engine.setup import build_core
from headrace.engine.virtual import advance_clock
from headrace.engine.worker import Worker
from headrace.ids import SeededIds
from headrace.messages.rendered import Workshop
from headrace.messages.tokens import Signer
from headrace.model import Account, Channel, DeliveryState, RunState
from headrace.model.account import Settings
from headrace.storage import flows
from headrace.storage.accounts import clock_of, create_account
from headrace.storage.consents import ConsentChange, Purpose, set_consent
from headrace.storage.database import Database, Row
from headrace.storage.groups import create_list, join_group, leave_group
from headrace.storage.identity import IncomingProfile
from headrace.storage.ingest import Accepted, Arrival, IncomingEvent, ingest
from headrace.storage.journal import journal_of
from headrace.storage.metrics import Metrics
from headrace.storage.partitions import Partitions
from headrace.storage.segments import NewSegment, change_segment, create_segment
from headrace.storage.serials import Serials
from headrace.storage.suppressions import Suppression, suppress
from headrace.storage.templates import NewTemplate, create_template

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
_SEGMENT = """
INSERT INTO profile_group (group_id, account_id, kind, name, created_at, updated_at)
VALUES ($1, $2, 'segment', $3, $4, $4)
"""
WORKSHOP = Workshop(Signer([(1, b"a key that only tests know, 32 b.")]), "http://shop.test")


@dataclass
class EngineShop:
    """An account over a real database, on a clock of its own unless `virtual` is False when it is opened."""

    database: Database
    account: Account
    core: Core
    metrics: Metrics
    ids: SeededIds
    serials: Serials
    partitions: Partitions
    people: dict[str, str] = field(default_factory=dict)
    variations: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def open(
        cls,
        database: Database,
        *,
        start: datetime = MONDAY,
        virtual: bool = True,
        timezone: str = "UTC",
        settings: Settings | None = None,
        providers: Mapping[Channel, Provider] | None = None,
        limits: Limits | None = None,
        seed: int = 7,
    ) -> EngineShop:
        """Make the account and an engine over it."""
        ids, clock = SeededIds(seed), SystemClock()
        account = Account("", "Shop", timezone=timezone, settings=settings or Settings())
        made = await create_account(database, ids, account, VirtualClock(start) if virtual else clock)
        core = build_core(database, WORKSHOP, ids=ids, name="test", providers=providers, limits=limits)
        metrics = Metrics(database, clock, ids)
        return cls(database, made, core, metrics, ids, Serials(database), Partitions(database, clock))

    @classmethod
    async def over(cls, database: Database, shop: EngineShop) -> EngineShop:
        """Return the same shop over another database that holds it already."""
        clock = SystemClock()
        core = build_core(database, WORKSHOP, ids=shop.ids, name="test")
        parts = (Metrics(database, clock, shop.ids), shop.ids, Serials(database), Partitions(database, clock))
        return cls(database, shop.account, core, *parts, people=dict(shop.people))

    async def now(self) -> datetime:
        """Return the account's present moment."""
        return (await clock_of(self.database, self.account)).now()

    async def metric(self, name: str) -> str:
        """Return the id of a metric."""
        return (await self.metrics.ids(self.account.account_id, [name]))[name]

    async def list_(self, name: str) -> str:
        """Make a list."""
        async with self.database.transaction() as transaction:
            return await create_list(transaction, self.account.account_id, self.ids, name, await self.now())

    async def segment(self, name: str) -> str:
        """Make a segment, whose members the test sets by itself."""
        group_id = self.ids.short()
        async with self.database.transaction() as transaction:
            await transaction.execute(_SEGMENT, group_id, self.account.account_id, name, await self.now())
        return group_id

    async def made_segment(self, name: str, document: Mapping[str, Any]) -> str:
        """Make a segment, whose members the engine works out."""
        topics = compile_segment(read_segment(document), "").topics()
        async with self.database.transaction() as transaction:
            place = (transaction, self.account.account_id, self.ids)
            new = NewSegment(name, document, topics)
            return await create_segment(*place, new, await self.now(), SystemClock().now())

    async def edit_segment(self, group_id: str, document: Mapping[str, Any]) -> None:
        """Give a segment another definition."""
        async with self.database.transaction() as transaction:
            await change_segment(
                transaction,
                self.account.account_id,
                group_id,
                definition=document,
                topics=compile_segment(read_segment(document), "").topics(),
                ids=self.ids,
                now=await self.now(),
                system_now=SystemClock().now(),
            )

    async def members(self, group_id: str) -> dict[str, datetime]:
        """Return the people on a list or in a segment, by name, and when they joined."""
        names = {profile_id: name for name, profile_id in self.people.items()}
        rows = await self.database.fetch("SELECT * FROM membership WHERE group_id = $1", group_id)
        return {names[row["profile_id"]]: row["joined_at"] for row in rows}

    async def moves(self, group_id: str) -> list[tuple[str, bool, datetime]]:
        """Return (person, joined or left, moment) of everybody who joined or left a list or segment.

        They are in the order of time; of the same moment, by name.
        """
        names = {profile_id: name for name, profile_id in self.people.items()}
        rows = await self.database.fetch(
            "SELECT * FROM membership_change WHERE group_id = $1 ORDER BY at, number", group_id
        )
        found = [(names[row["profile_id"]], row["joined"], row["at"]) for row in rows]
        return sorted(found, key=lambda one: (one[2], one[0]))

    async def template(self, html: str = "<p>Hello {{ first_name|default:'you' }}</p>") -> str:
        """Make a template."""
        async with self.database.transaction() as transaction:
            new = NewTemplate("Template", html=html)
            return await create_template(transaction, self.account.account_id, self.ids, await self.now(), new)

    async def flow(self, definition: Mapping[str, Any], status: str = "live", name: str = "Flow") -> str:
        """Store a flow, whose actions are named by temporary ids, and set its status."""
        async with self.database.transaction() as transaction:
            at = await self.now()
            place = (transaction, self.account.account_id)
            flow_id = await flows.create_flow(*place, self.ids, at, name, dict(definition))
            if status != "draft":
                await flows.set_status(*place, flow_id, status, at)
            return flow_id

    async def action_ids(self, flow_id: str, definition: Mapping[str, Any]) -> dict[str, int]:
        """Return temporary id -> real id of a stored flow's actions."""
        stored = await self.database.fetch_value(
            "SELECT definition FROM flow_version WHERE flow_id = $1 AND version = 1", flow_id
        )
        pairs = list(zip(definition["actions"], stored["actions"], strict=True))
        for given, real in pairs:
            for one, made in zip(_variations(given), _variations(real), strict=True):
                self.variations[one["temporary_id"]] = made["id"]
        return {given["temporary_id"]: int(real["id"]) for given, real in pairs}

    async def event(self, metric: str, person: str, **rest: Any) -> Accepted:
        """Take in one event of a person, who is made by their first one."""
        return (await self.events(metric, [person], **rest))[0]

    async def events(
        self,
        metric: str,
        people: list[str],
        *,
        occurred_at: datetime | None = None,
        properties: Mapping[str, Any] | None = None,
        value: Decimal | None = None,
        backfill: bool = False,
        chain: int = 0,
        profiles: Mapping[str, IncomingProfile] | None = None,
    ) -> list[Accepted]:
        """Take in one event of each person in one transaction."""
        at = await self.now()
        moment = (occurred_at or at).replace(microsecond=0)
        await self.partitions.ensure("event", [moment])
        serials = await self.serials.take(len(people))
        metric_id = await self.metric(metric)
        incoming = [
            IncomingEvent(
                (profiles or {}).get(person, IncomingProfile(email=f"{person}@example.com")),
                metric_id,
                moment,
                unique_id=f"event-{serial}",
                properties=properties or {},
                value=value,
                backfill=backfill,
                chain=chain,
            )
            for person, serial in zip(people, serials, strict=True)
        ]
        arrival = Arrival(at, SystemClock().now())
        async with self.database.transaction() as transaction:
            accepted = await ingest(transaction, self.account.account_id, incoming, serials, arrival, self.ids)
        done = [one for one in accepted if isinstance(one, Accepted)]
        self.people.update((person, one.profile_id) for person, one in zip(people, done, strict=True))
        return done

    async def person(self, name: str, profile: IncomingProfile | None = None) -> str:
        """Make a person by an event that nobody waits for and return the profile id."""
        profiles = {name: profile or IncomingProfile(email=f"{name}@example.com")}
        return (await self.event("Active on Site", name, profiles=profiles)).profile_id

    async def consent(
        self, person: str, channel: Channel, subscription: str, purpose: Purpose = Purpose.MARKETING
    ) -> None:
        """Set a person's consent on a channel."""
        change = ConsentChange(self.people[person], channel, subscription, await self.now(), "api", purpose=purpose)
        async with self.database.transaction() as transaction:
            await set_consent(transaction, self.account.account_id, change)

    async def suppress(self, person: str, reason: str, list_id: str = "") -> None:
        """Keep a person from being mailed, everywhere or on one list."""
        async with self.database.transaction() as transaction:
            found = Suppression(self.people[person], reason, await self.now(), list_id)
            await suppress(transaction, self.account.account_id, [found])

    async def join(self, person: str, group_id: str, *, starts_nothing: bool = False) -> None:
        """Make a person a member of a list."""
        async with self.database.transaction() as transaction:
            place = (transaction, self.account.account_id, group_id, [self.people[person]])
            await join_group(*place, await self.now(), SystemClock().now(), starts_nothing=starts_nothing)

    async def leave(self, person: str, group_id: str) -> None:
        """Take a person off a list."""
        async with self.database.transaction() as transaction:
            place = (transaction, self.account.account_id, group_id, [self.people[person]])
            await leave_group(*place, await self.now(), SystemClock().now())

    async def drain(self) -> None:
        """Work off what is due."""
        await Worker(self.core).drain()

    async def move(self, by: timedelta) -> None:
        """Move the account's clock forward; what becomes due on the way happens."""
        await advance_clock(self.core, self.account.account_id, await self.now() + by)

    async def deliveries(self) -> list[Row]:
        """Return every delivery in the order of its due time."""
        return await self.database.fetch("SELECT * FROM delivery ORDER BY due_at, action_id, profile_id")

    async def sent(self) -> list[tuple[str, datetime]]:
        """Return (person, moment) of every message that was sent, in order."""
        names = {profile_id: name for name, profile_id in self.people.items()}
        return [
            (names[row["profile_id"]], row["sent_at"])
            for row in await self.deliveries()
            if row["state"] == DeliveryState.SENT
        ]

    async def runs(self) -> list[Row]:
        """Return every run in the order of entry."""
        return await self.database.fetch("SELECT * FROM run ORDER BY entered_at, profile_id, run_id")

    async def run_states(self) -> list[str]:
        """Return the state of every run in the order of entry."""
        return [RunState(row["state"]).name for row in await self.runs()]

    async def story(self, run: Row) -> list[tuple[str, Any]]:
        """Return (outcome, detail) of a run's steps."""
        rows = await journal_of(self.database, run["bucket"], run["account_id"], run["run_id"])
        return [(row["outcome"], row["detail"]) for row in rows]

    async def refusals(self) -> list[str]:
        """Return the reasons for which nobody entered."""
        rows = await self.database.fetch("SELECT detail FROM journal WHERE outcome = 'refused' ORDER BY at, run_id")
        return [row["detail"]["reason"] for row in rows]


def _variations(action: Mapping[str, Any]) -> list[Any]:
    experiment = (action.get("data") or {}).get("current_experiment") or {}
    return list(experiment.get("variations", ()))


def segment_of(*groups: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the definition of a segment of groups of conditions."""
    return {"condition_groups": [{"conditions": [dict(one) for one in group]} for group in groups]}


def did(
    metric_id: str,
    timeframe: Mapping[str, Any] | None = None,
    operator: str = "greater-than-or-equal",
    value: int = 1,
) -> dict[str, Any]:
    """Return the condition of so many events of a metric, by default once at any time."""
    return {
        "type": "profile-metric",
        "metric_id": metric_id,
        "measurement": "count",
        "measurement_filter": {"type": "numeric", "operator": operator, "value": value},
        "timeframe_filter": {"type": "date", **(timeframe or {"operator": "alltime"})},
    }


def within_days(days: int) -> dict[str, Any]:
    """Return the timeframe of the last days."""
    return {"operator": "in-the-last", "unit": "day", "quantity": days}


def has(name: str, value: str) -> dict[str, Any]:
    """Return the condition of a custom property that equals a text."""
    told = {"type": "string", "operator": "equals", "value": value}
    return {"type": "profile-property", "property": f"properties['{name}']", "filter": told}


def member_of(*group_ids: str, is_member: bool = True) -> dict[str, Any]:
    """Return the condition of being in one of some lists and segments, or in none."""
    told = {"type": "profile-group-membership", "is_member": is_member, "group_ids": list(group_ids)}
    return {**told, "timeframe_filter": None}


def delay(name: str, following: str | None, **data: Any) -> dict[str, Any]:
    """Return a delay, by default of one hour."""
    settings = {"unit": "hours", "value": 1, "secondary_value": 0, "timezone": "profile", **data}
    return {"temporary_id": name, "type": "time-delay", "links": {"next": following}, "data": settings}


def email(name: str, template: str | None, following: str | None = None, **message: Any) -> dict[str, Any]:
    """Return an e-mail without smart sending."""
    content = {"subject_line": name, "template_id": template, "smart_sending_enabled": False, **message}
    data = {"message": {"name": name, **content}, "status": "draft"}
    return {"temporary_id": name, "type": "send-email", "links": {"next": following}, "data": data}


def split(name: str, condition: Mapping[str, Any], yes: str | None, no: str | None) -> dict[str, Any]:
    """Return a split by one condition."""
    asked = {"condition_groups": [{"conditions": [dict(condition)]}]}
    links = {"next_if_true": yes, "next_if_false": no}
    return {"temporary_id": name, "type": "conditional-split", "links": links, "data": {"profile_filter": asked}}


def definition(metric_id: str, *actions: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    """Return a flow that events of a metric start; the first action is the entry."""
    trigger = {"type": "metric", "id": metric_id, "trigger_filter": rest.pop("trigger_filter", None)}
    entry = actions[0]["temporary_id"] if actions else None
    return {"triggers": [trigger], "profile_filter": None, "actions": list(actions), "entry_action_id": entry, **rest}
