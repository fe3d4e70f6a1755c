"""A flow as data: a definition, people, a timeline of what happens, and the outcomes that must come of it.

title: one sentence
covers: ["1.1 delay length"]   the rows of the reference, by section and the row's own name
account: {timezone: UTC, settings: {...}}                optional
metrics: [Checkout Started]    lists: [VIP]    templates: {hello: "<p>Hi</p>"}
segments: [Gold]                by name alone, where the timeline says who joins and leaves, or {Gold: a definition},
      which may name the metrics, lists and segments above it
flow: a definition as the API takes it (or `flows`, a mapping of names to such), where {metric: Checkout Started},
      {list: VIP}, {segment: ...} and {template: hello} stand for ids; `status` is live unless given
flow_file: ../../examples/welcome-series.json             in place of a flow: a file as `headrace import` reads it, from
      this folder on; its actions go by the names of their messages, the others by their ids in the file
questions: {gold: a condition}                            one more flow, or the only one; see questions.py
postal_codes: {US: {"10001": [40.7, -74.0]}}              where they are, in place of the packages that know it
people: {ana: {email: ..., phone_number: ..., timezone: ..., consent: {sms: SUBSCRIBED}, properties: {}}}
webhook_answers: [{status: 200, body: {...}}]             in turn, the last one for ever; 200 unless given
start: 2026-03-02T10:00:00Z    timeline: see happenings.py; `at` is the time since the start, a Monday, 10:00 UTC
until: 10d                      how far the clock moves in the end, 30d unless given
expect: see outcomes.py; what is left out of sent, skipped, runs and refused must be empty
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from answering import AnsweringWebhooks
from questions import ASKED, flow_of

from engine_shop import MONDAY, EngineShop
from headrace.engine.setup import choose_providers
from headrace.flows.spelling import read_flow_file
from headrace.model import Channel
from headrace.storage import flows
from headrace.storage.accounts import settings_of
from headrace.storage.database import Database
from headrace.storage.flow_files import import_flow
from headrace.storage.identity import IncomingProfile

UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
IDENTIFIERS = ("email", "phone_number", "external_id")


def span(text: str) -> timedelta:
    """Read a time such as `1d 4h 30m` or `-1h`."""
    sign = -1 if text.startswith("-") else 1
    parts = re.findall(r"(\d+)([dhms])", text)
    return sign * sum((int(count) * UNITS[unit] for count, unit in parts), timedelta(0))


@dataclass
class Scenario:
    """One scenario on its way through the engine."""

    shop: EngineShop
    told: Mapping[str, Any]
    start: datetime
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    flow_ids: dict[str, str] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def open(cls, database: Database, told: Mapping[str, Any]) -> Scenario:
        """Make the shop and everything that the scenario names."""
        account = told.get("account", {})
        start = told.get("start", MONDAY)
        providers = choose_providers(database)
        providers[Channel.WEBHOOK] = AnsweringWebhooks(providers[Channel.WEBHOOK], told.get("webhook_answers", ()))
        shop = await EngineShop.open(
            database,
            start=start,
            timezone=account.get("timezone", "UTC"),
            settings=settings_of(account.get("settings", {})),
            providers=providers,
        )
        scenario = cls(shop, told, start)
        await scenario._make()
        return scenario

    async def move_to(self, at: str) -> None:
        """Move the clock to a time since the start; it never goes back."""
        by = self.start + span(at) - await self.shop.now()
        if by > timedelta(0):
            await self.shop.move(by)

    def written(self, moment: datetime) -> str:
        """Write a moment as the time since the start."""
        left = moment - self.start
        parts = []
        for unit, length in UNITS.items():
            count, left = divmod(left, length)
            if count:
                parts.append(f"{count}{unit}")
        return " ".join(parts) or "0h"

    def resolved(self, told: Any) -> Any:
        """Return a part of a definition with ids in place of names."""
        if isinstance(told, Mapping):
            if len(told) == 1 and (kind := next(iter(told))) in self.names:
                return self.names[kind][told[kind]]
            return {key: self.resolved(value) for key, value in told.items()}
        return [self.resolved(value) for value in told] if isinstance(told, list) else told

    @property
    def flow_id(self) -> str:
        """The first flow."""
        return next(iter(self.flow_ids.values()))

    async def _make(self) -> None:
        shop, told = self.shop, self.told
        metrics = [*told.get("metrics", ()), *([ASKED] if "questions" in told else ())]
        self.names["metric"] = {name: await shop.metric(name) for name in metrics}
        self.names["list"] = {name: await shop.list_(name) for name in told.get("lists", ())}
        await self._segments()
        templates = told.get("templates", {"hello": "<p>Hello</p>"})
        self.names["template"] = {name: await shop.template(html) for name, html in templates.items()}
        await self._people()
        await self._flows()

    async def _segments(self) -> None:
        given = self.told.get("segments", ())
        names: dict[str, str] = {}
        self.names["segment"] = names
        for name in given:
            told = given[name] if isinstance(given, Mapping) else None
            names[name] = await (self.shop.segment(name) if told is None else self._worked_out(name, told))

    async def _worked_out(self, name: str, told: Mapping[str, Any]) -> str:
        return await self.shop.made_segment(name, self.resolved(told))

    async def _people(self) -> None:
        for name, facts in self.told["people"].items():
            given = dict(facts or {})
            consents = given.pop("consent", {})
            identifiers = {key: given.pop(key) for key in IDENTIFIERS if key in given}
            properties, location = given.pop("properties", {}), given.pop("location", {})
            if not identifiers:
                identifiers = {"email": f"{name}@example.com"}
            person = IncomingProfile(**identifiers, fields=given, properties=properties, location=location)
            await self.shop.person(name, person)
            for channel, subscription in consents.items():
                await self.shop.consent(name, Channel[channel.upper()], subscription)
        await self.shop.drain()

    async def _flows(self) -> None:
        if "flow_file" in self.told:
            await self._imported(json.loads((Path(__file__).parent / self.told["flow_file"]).read_text()))
            return
        flows = dict(self.told.get("flows", {"Flow": self.told["flow"]} if "flow" in self.told else {}))
        if "questions" in self.told:
            flows["Questions"] = flow_of(self.told)
        for name, told in flows.items():
            definition = self.resolved(told)
            status = definition.pop("status", "live")
            self.flow_ids[name] = await self.shop.flow(definition, status, name)
            self.actions |= await self.shop.action_ids(self.flow_ids[name], definition)

    async def _imported(self, document: Mapping[str, Any]) -> None:
        """Import a flow's file, live, with whatever it names; metrics and lists go by their names."""
        shop, now = self.shop, await self.shop.now()
        place = (shop.database, shop.account.account_id, shop.ids, now)
        imported = await import_flow(*place, document, create_missing=True, status="live")
        for one in imported.made:
            self.names["metric" if one.kind == "metric" else "list"][one.name] = one.made_id
        stored = await flows.load_flow(shop.database, shop.account.account_id, imported.flow_id)
        written = read_flow_file(document)
        self.flow_ids[written.name] = imported.flow_id
        for given, made in zip(written.definition["actions"], stored.definition["actions"], strict=True):
            message = (given.get("data") or {}).get("message") or {}
            self.actions[message.get("name") or given["id"]] = int(made["id"])
