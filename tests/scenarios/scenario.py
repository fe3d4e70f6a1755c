"""A flow as data: a definition, people, a timeline of what happens, and the outcomes that must come of it.

title: one sentence
account: {timezone: UTC, settings: {...}}                optional
metrics: [Checkout Started]    lists: [VIP]    templates: {hello: "<p>Hi</p>"}
flow: a definition as the API takes it (or `flows`, a mapping of names to such), where {metric: Checkout Started},
      {list: VIP} and {template: hello} stand for ids; `status` is live unless given
people: {ana: {email: ..., phone_number: ..., timezone: ..., consent: {sms: SUBSCRIBED}}}
timeline:                       in order; `at` is the time since the start (Monday 2 March 2026, 10:00 UTC)
  - {at: 0h, event: Checkout Started, person: ana, value: 10, properties: {}, occurred: -1h, backfill: false}
  - {at: 1h, join: VIP, person: ana}
  - {at: 1h, consent: {email: UNSUBSCRIBED}, person: ana}
  - {at: 1h, set_status: draft}       - {at: 1h, set_action_status: {mail: manual}}
  - {at: 1h, delete_action: wait}      - {at: 1h, delete_flow: true}      - {at: 1h, forget: ana}
  - {at: 1h, insert: {after: wait, action: {...}}}
until: 10d                      how far the clock moves in the end
expect:
  sent: ["ana mail 1h"]         person, action, time since the start
  skipped: ["ana mail: Smart Sending"]
  runs: {ana: [FINISHED]}       a reason follows an exit: "EXITED nothing_follows"
  refused: [reentry]
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from engine_shop import MONDAY, EngineShop
from headrace.ids import bucket_of
from headrace.model import Channel, DeliveryState, RunState
from headrace.storage import flow_edits, flows
from headrace.storage.accounts import settings_of
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile

UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
_SAVE = """
WITH next AS (UPDATE flow SET version = version + 1, updated_at = $4 WHERE flow_id = $1 RETURNING version)
INSERT INTO flow_version (flow_id, version, account_id, definition, created_at) SELECT $1, version, $2, $3, $4 FROM next
"""
IDENTIFIERS = ("email", "phone_number", "external_id")


def span(text: str) -> timedelta:
    """Read a time such as `1d 4h 30m` or `-1h`."""
    sign = -1 if text.startswith("-") else 1
    parts = re.findall(r"(\d+)([dhms])", text)
    return sign * sum((int(count) * UNITS[unit] for count, unit in parts), timedelta(0))


def written(moment: datetime) -> str:
    """Write a moment as the time since the start."""
    left = moment - MONDAY
    parts = []
    for unit, length in UNITS.items():
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0h"


@dataclass
class Scenario:
    """One scenario on its way through the engine."""

    shop: EngineShop
    told: Mapping[str, Any]
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    flow_ids: dict[str, str] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def open(cls, database: Database, told: Mapping[str, Any]) -> Scenario:
        """Make the shop and everything that the scenario names."""
        account = told.get("account", {})
        settings = settings_of(account.get("settings", {}))
        shop = await EngineShop.open(database, timezone=account.get("timezone", "UTC"), settings=settings)
        scenario = cls(shop, told)
        scenario.names["metric"] = {name: await shop.metric(name) for name in told.get("metrics", ())}
        scenario.names["list"] = {name: await shop.list_(name) for name in told.get("lists", ())}
        templates = told.get("templates", {"hello": "<p>Hello</p>"})
        scenario.names["template"] = {name: await shop.template(html) for name, html in templates.items()}
        await scenario._people()
        await scenario._flows()
        return scenario

    async def play(self) -> None:
        """Let the timeline happen and the clock move to the end."""
        for moment in self.told["timeline"]:
            await self._move_to(moment["at"])
            await self._happen(moment)
            await self.shop.drain()
        await self._move_to(self.told.get("until", "30d"))

    async def outcome(self) -> dict[str, Any]:
        """Return what came of it, in the shape of `expect`."""
        return {
            "sent": await self._sent(),
            "skipped": await self._skipped(),
            "runs": await self._runs(),
            "refused": await self.shop.refusals(),
        }

    async def _people(self) -> None:
        for name, facts in self.told["people"].items():
            given = dict(facts or {})
            consents = given.pop("consent", {})
            identifiers = {key: given.pop(key) for key in IDENTIFIERS if key in given}
            properties = given.pop("properties", {})
            if not identifiers:
                identifiers = {"email": f"{name}@example.com"}
            await self.shop.person(name, IncomingProfile(**identifiers, fields=given, properties=properties))
            for channel, subscription in consents.items():
                await self.shop.consent(name, Channel[channel.upper()], subscription)

    async def _flows(self) -> None:
        for name, told in self.told.get("flows", {"Flow": self.told.get("flow")}).items():
            definition = self._resolved(told)
            status = definition.pop("status", "live")
            self.flow_ids[name] = await self.shop.flow(definition, status, name)
            self.actions |= await self.shop.action_ids(self.flow_ids[name], definition)

    def _resolved(self, told: Any) -> Any:
        """Return a part of a definition with ids in place of names."""
        if isinstance(told, Mapping):
            if len(told) == 1 and (kind := next(iter(told))) in self.names:
                return self.names[kind][told[kind]]
            return {key: self._resolved(value) for key, value in told.items()}
        return [self._resolved(value) for value in told] if isinstance(told, list) else told

    async def _move_to(self, at: str) -> None:
        by = MONDAY + span(at) - await self.shop.now()
        if by > timedelta(0):
            await self.shop.move(by)

    async def _happen(self, moment: Mapping[str, Any]) -> None:
        shop = self.shop
        place = (shop.account.account_id,)
        now = await shop.now()
        match moment:
            case {"event": metric, "person": person}:
                await self._event(metric, person, moment)
            case {"join": group, "person": person}:
                await shop.join(person, self.names["list"][group])
            case {"consent": consents, "person": person}:
                for channel, subscription in consents.items():
                    await shop.consent(person, Channel[channel.upper()], subscription)
            case {"forget": person}:
                key = (bucket_of(shop.people[person]), *place, shop.people[person])
                async with shop.database.transaction() as transaction:
                    await transaction.execute(
                        "DELETE FROM profile WHERE bucket = $1 AND account_id = $2 AND profile_id = $3", *key
                    )
            case {"insert": {"after": after, "action": action}}:
                await self._insert(after, action)
            case {"set_action_status": statuses}:
                for name, status in statuses.items():
                    await self._set_action_status(self.actions[name], status)
            case _:
                async with shop.database.transaction() as transaction:
                    where = (transaction, *place)
                    match moment:
                        case {"set_status": status}:
                            await flows.set_status(*where, next(iter(self.flow_ids.values())), status, now)
                        case {"delete_action": name}:
                            await flow_edits.delete_action(*where, self.actions[name], now)
                        case {"delete_flow": _}:
                            await flows.delete_flow(*where, next(iter(self.flow_ids.values())), now)
                        case _:
                            raise ValueError(f"nobody knows what happens in {dict(moment)}")

    async def _event(self, metric: str, person: str, moment: Mapping[str, Any]) -> None:
        value = moment.get("value")
        now = await self.shop.now()
        profile = IncomingProfile(profile_id=self.shop.people[person])
        await self.shop.events(
            metric,
            [person] * moment.get("times", 1),
            occurred_at=now + span(moment.get("occurred", "0h")),
            properties=moment.get("properties"),
            value=None if value is None else Decimal(str(value)),
            backfill=moment.get("backfill", False),
            chain=moment.get("chain", 0),
            profiles={person: profile},
        )

    async def _insert(self, after: str, action: Mapping[str, Any]) -> None:
        """Save a version of the first flow that has a new action directly behind another one; YES leads on."""
        flow_id = next(iter(self.flow_ids.values()))
        async with self.shop.database.transaction() as transaction:
            stored = await flows.load_flow(transaction, self.shop.account.account_id, flow_id)
            number = await transaction.fetch_value("SELECT nextval('action_serial')")
            new = {**self._resolved({key: value for key, value in action.items() if key != "temporary_id"})}
            document = copy.deepcopy(dict(stored.definition))
            before = next(one for one in document["actions"] if one["id"] == str(self.actions[after]))
            following = before["links"]["next"]
            before["links"] = {"next": str(number)}
            is_split = action["type"] == "conditional-split"
            new["links"] = {"next_if_true": following, "next_if_false": None} if is_split else {"next": following}
            if "message" in new.get("data", {}):
                new["data"]["message"]["id"] = self.shop.ids.short()
            document["actions"].append({"id": str(number), **new})
            await transaction.execute(_SAVE, flow_id, self.shop.account.account_id, document, await self.shop.now())
        self.actions[action["temporary_id"]] = number

    async def _set_action_status(self, action_id: int, status: str) -> None:
        where = (self.shop.account.account_id, self.shop.ids, action_id)
        async with self.shop.database.transaction() as transaction:
            stored = await flows.load_flow(transaction, where[0], next(iter(self.flow_ids.values())))
            action = copy.deepcopy(next(one for one in stored.definition["actions"] if one["id"] == str(action_id)))
            action["data"]["status"] = status
            await flow_edits.update_action(transaction, *where, action, await self.shop.now())

    async def _sent(self) -> list[str]:
        people, actions = _turned(self.shop.people), _turned(self.actions)
        return sorted(
            f"{people[row['profile_id']]} {actions[row['action_id']]} {written(row['sent_at'])}"
            for row in await self.shop.deliveries()
            if row["state"] == DeliveryState.SENT
        )

    async def _skipped(self) -> list[str]:
        """Return the messages that were skipped, by the step or just before sending, and those that wait or ended."""
        people, actions = _turned(self.shop.people), _turned(self.actions)
        kept = [row for row in await self.shop.deliveries() if row["state"] != DeliveryState.SENT]
        reasons = [row["reason"] or DeliveryState(row["state"]).name for row in kept]
        found = [
            f"{people[row['profile_id']]} {actions[row['action_id']]}: {reason}"
            for row, reason in zip(kept, reasons, strict=True)
        ]
        steps = await self.shop.database.fetch(
            "SELECT r.profile_id, j.action_id, j.detail FROM journal j JOIN run r USING (bucket, account_id, run_id) "
            "WHERE j.outcome = 'skipped'"
        )
        found += [
            f"{people[row['profile_id']]} {actions[row['action_id']]}: {row['detail']['reason']}" for row in steps
        ]
        return sorted(found)

    async def _runs(self) -> dict[str, list[str]]:
        people = _turned(self.shop.people)
        found: dict[str, list[str]] = {}
        for row in await self.shop.runs():
            told = " ".join(filter(None, (RunState(row["state"]).name, row["exit_reason"])))
            found.setdefault(people[row["profile_id"]], []).append(told)
        return {name: sorted(states) for name, states in sorted(found.items())}


def _turned(names: Mapping[str, Any]) -> dict[Any, str]:
    return {value: name for name, value in names.items()}
