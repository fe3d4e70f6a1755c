"""The law of segments: whatever is asked and happens, at rest the members are those whom a full evaluation finds."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condition_documents import Conditions, Document
from condition_town import NOW, SUPPRESSIONS, wild_values
from engine_shop import EngineShop
from headrace.conditions import postal_codes
from headrace.engine.segment_check import Comparison, compare
from headrace.model import Channel
from headrace.storage.consents import ConsentChange, Purpose, set_consent
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.profile_wishes import ProfileChange
from headrace.storage.profiles import change_profile
from headrace.storage.push_tokens import Token, remove_token, set_token
from headrace.storage.suppressions import Suppression, suppress, unsuppress

EXAMPLES = max(2, settings.default.max_examples // 8) if settings.default else 6
SEGMENTS, ACTS, ROUNDS = 5, 5, 6
"""How many segments there are, and how much happens between how many rests."""
PEOPLE = ("ana", "ben", "cleo", "dan")
PASSING = tuple(
    timedelta(**span) for span in ({"minutes": 20}, {"hours": 3}, {"days": 1}, {"days": 2, "hours": 7}, {"days": 40})
)
seeds = itertools.count(1000)


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A database that serves every example, each with an account of its own."""
    pool = await Database.connect(database_dsn, size=4)
    yield pool
    await pool.close()


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know where two postal codes are, whatever packages are installed."""
    known = {"10001": (40.7484, -73.9967), "94105": (37.7864, -122.3892)}
    monkeypatch.setattr(postal_codes, "_in_america", lambda code: known.get(code[:5]))


class History:
    """People to whom things happen at random while segments are kept."""

    def __init__(self, shop: EngineShop, source: random.Random, wild: list[Any]) -> None:
        self.shop = shop
        self.segments: dict[str, Document] = {}
        self.told: list[str] = []
        self._random = source
        self._values: Sequence[Any] = (*wild, "red", "ann", "10001", "US", 1, 5, True, "2023-06-17", ["red", "a"], None)
        self._conditions = Conditions(source, wild, segment=True)
        self._named: dict[str, str] = {}

    async def begin(self) -> None:
        """Make the lists, the people and the segments, of which the last ones may ask about the first."""
        self._named = {f"M{number}": await self.shop.metric(f"M{number}") for number in (1, 2)}
        self._named |= {f"G{number}": await self.shop.list_(f"G{number}") for number in (1, 2)}
        for name in PEOPLE:
            await self.shop.person(name)
        for number in range(SEGMENTS):
            document = self._document()
            group_id = await self.shop.made_segment(f"Segment {number}", document)
            self._named.setdefault("G3", group_id)
            self.segments[group_id] = document

    async def go_on(self) -> None:
        """Let some things happen, and time pass in between, until everything is at rest."""
        acts: Sequence[Callable[[str], Awaitable[str]]] = (
            *(self._event, self._event, self._event, self._change, self._change, self._join, self._leave),
            *(self._consent, self._suppress, self._unsuppress, self._token, self._edit, self._pass, self._pass),
        )
        for _ in range(ACTS):
            act = self._random.choice(acts)
            self.told.append(await act(self._random.choice(PEOPLE)))
        await self.shop.drain()

    async def check(self) -> list[tuple[Comparison, Document]]:
        """Return the segments whose members are not right."""
        found = await compare(self.shop.core, self.shop.account.account_id)
        assert [None] * SEGMENTS == [one.skipped for one in found]
        return [(one, self.segments[one.segment_id]) for one in found if one.differs]

    def _document(self) -> Document:
        """Draw a definition. The first segment asks about no other, so that none hangs on itself."""
        text = json.dumps(self._conditions.groups())
        for name, real in {"G3": self._named["G1"], **self._named}.items():
            text = text.replace(f'"{name}"', f'"{real}"')
        document: Document = json.loads(text)
        return document

    def _value(self) -> Any:
        return self._random.choice(self._values)

    async def _event(self, person: str) -> str:
        ago = self._random.choice(
            (timedelta(0), timedelta(0), timedelta(hours=5), timedelta(days=3), -timedelta(days=1))
        )
        at, backfill = await self.shop.now() - ago, self._random.random() < 0.2
        metric, properties = self._random.choice(("M1", "M2")), {"p": self._value(), "q": self._value()}
        value = Decimal(self._random.choice((0, 1, 5)))
        await self.shop.event(metric, person, occurred_at=at, properties=properties, value=value, backfill=backfill)
        return f"{person} {metric} {at} {properties} {value}"

    async def _change(self, person: str) -> str:
        change = ProfileChange(
            fields={"first_name": self._random.choice(("ann", "A", None))},
            location={"country": self._random.choice(("US", "de", None)), "zip": self._random.choice(("10001", None))},
            properties={"p": self._value(), self._random.choice(("q", "wild")): self._value()},
        )
        place = (self.shop.database, self.shop.account.account_id, self.shop.ids)
        await change_profile(*place, self.shop.people[person], change, await self.shop.now())
        return f"{person} {change}"

    async def _join(self, person: str) -> str:
        name = self._random.choice(("G1", "G2"))
        await self.shop.join(person, self._named[name])
        return f"{person} joins {name}"

    async def _leave(self, person: str) -> str:
        name = self._random.choice(("G1", "G2"))
        await self.shop.leave(person, self._named[name])
        return f"{person} leaves {name}"

    async def _consent(self, person: str) -> str:
        now = await self.shop.now()
        change = ConsentChange(
            self.shop.people[person],
            int(self._random.choice((Channel.EMAIL, Channel.SMS, Channel.PUSH))),
            self._random.choice(("SUBSCRIBED", "UNSUBSCRIBED")),
            now - self._random.choice((timedelta(0), timedelta(days=2))),
            self._random.choice(("form", "api", "manual_import")),
            purpose=self._random.choice((Purpose.MARKETING, Purpose.TRANSACTIONAL)),
            recorded_at=now,
        )
        async with self.shop.database.transaction() as transaction:
            await set_consent(transaction, self.shop.account.account_id, change)
        return f"{person} {change}"

    async def _suppress(self, person: str) -> str:
        one = Suppression(self.shop.people[person], self._random.choice(SUPPRESSIONS), await self.shop.now())
        async with self.shop.database.transaction() as transaction:
            await suppress(transaction, self.shop.account.account_id, [one])
        return f"{person} {one}"

    async def _unsuppress(self, person: str) -> str:
        place, now = (self.shop.account.account_id, [self.shop.people[person]]), await self.shop.now()
        async with self.shop.database.transaction() as transaction:
            await unsuppress(transaction, *place, SUPPRESSIONS, now)
        return f"{person} unsuppressed"

    async def _token(self, person: str) -> str:
        place, now = (self.shop.account.account_id, self.shop.people[person]), await self.shop.now()
        gives = self._random.random() < 0.7
        async with self.shop.database.transaction() as transaction:
            if gives:
                enabled = self._random.random() < 0.8
                await set_token(transaction, *place, Token(person, "ios", "apns", enabled=enabled), now)
            else:
                await remove_token(transaction, *place, person, now)
        return f"{person} {'has a' if gives else 'loses the'} token"

    async def _edit(self, _: str) -> str:
        group_id = self._random.choice([*self.segments][1:])
        self.segments[group_id] = self._document()
        await self.shop.edit_segment(group_id, self.segments[group_id])
        return f"{group_id} is {self.segments[group_id]}"

    async def _pass(self, _: str) -> str:
        by = self._random.choice(PASSING)
        await self.shop.move(by)
        return f"{by} pass"


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), wild=wild_values)
async def test_members_are_those_of_a_full_evaluation(database: Database, seed: int, wild: list[Any]) -> None:
    """Random definitions, histories, edits and clock moves; compared at every rest, with nothing left to be due."""
    shop = await EngineShop.open(database, start=NOW, seed=next(seeds))
    history = History(shop, random.Random(seed), wild)
    await history.begin()
    for _ in range(ROUNDS):
        await history.go_on()
        assert [] == await history.check(), "\n".join(history.told)


async def test_a_history_can_go_wrong(database: Database) -> None:
    """A change that nobody notes is found, so that the law above has teeth."""
    shop = await EngineShop.open(database, start=NOW, seed=next(seeds))
    told = {"type": "string", "operator": "equals", "value": "ann"}
    condition = {"type": "profile-property", "property": "first_name", "filter": told}
    await shop.made_segment("Ann", {"condition_groups": [{"conditions": [condition]}]})
    await shop.person("ana", IncomingProfile(email="ana@example.com"))
    await shop.drain()
    async with database.transaction() as transaction:
        query = "UPDATE profile SET first_name = 'ann' WHERE account_id = $1"
        await transaction.execute(query, shop.account.account_id)
    (found,) = await compare(shop.core, shop.account.account_id)
    assert (shop.people["ana"],) == found.missing
