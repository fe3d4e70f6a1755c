"""Twenty people with everything that a condition may ask about, drawn at random, for the laws of conditions."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from condition_documents import FLOW, GROUPS, METHODS, METRICS, TEXTS, VALUES, Document
from headrace.ids import bucket_of
from headrace.storage.database import Connection, Database
from headrace.storage.facts import LoadedFacts

NOW = datetime(2023, 6, 17, 10, 30, 5, tzinfo=UTC)
PEOPLE = 20
SUPPRESSIONS = ("HARD_BOUNCE", "INVALID_EMAIL", "SPAM_COMPLAINT", "UNSUBSCRIBE", "USER_SUPPRESSED")
TODAY = NOW.replace(hour=0, minute=0, second=0)
EDGES = (
    *(NOW + timedelta(seconds=seconds) for seconds in (-7200, -1, 0, 1)),
    *(TODAY + timedelta(days=days) for days in (-400, -100, -30, -7, -3, -2, -1, 0, 1, 2, 4)),
)
"""Moments at which the spans of date filters begin and end."""
numbers = itertools.count()
NONE_OFTEN = 0.3


@dataclass
class Asker:
    """One person whose facts are loaded."""

    bucket: int
    account_id: str
    profile_id: str
    facts: LoadedFacts


class Town:
    """Twenty people of an account of their own, with everything that a condition may ask about."""

    def __init__(self, source: random.Random, wild: list[Any]) -> None:
        self._random = source
        self._wild = wild
        self.account_id = f"ACC{next(numbers)}"
        self.events: list[tuple[datetime, int]] = []
        self.people = [f"P{number}x{self.account_id}" for number in range(PEOPLE)]

    async def build(self, connection: Connection) -> None:
        """Write the people and what belongs to them, and the groups that any of them is in."""
        await connection.raw.execute(
            "INSERT INTO profile_group (group_id, account_id, kind, name, created_at, updated_at) "
            "SELECT one, $2, 'list', one, $3, $3 FROM unnest($1::text[]) AS one ON CONFLICT DO NOTHING",
            list(GROUPS),
            self.account_id,
            NOW,
        )
        await self._insert(connection, "profile", [self._profile(one) for one in self.people])
        for table, rows in self._belongings().items():
            await self._insert(connection, table, rows)

    async def _insert(self, connection: Connection, table: str, rows: list[Document]) -> None:
        if rows:
            names = ("account_id", "bucket", *rows[0])
            marks = ", ".join(f"${number}" for number in range(1, len(names) + 1))
            await connection.raw.executemany(
                f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT DO NOTHING",
                [(self.account_id, bucket_of(row["profile_id"]), *row.values()) for row in rows],
            )

    def _maybe(self, value: Any) -> Any:
        return None if self._random.random() < NONE_OFTEN else value

    def _value(self) -> Any:
        return self._random.choice(self._wild) if self._wild and self._random.random() < 0.3 else self._pick(VALUES)

    def _pick(self, values: Any) -> Any:
        return self._random.choice(values)

    def _at(self) -> datetime:
        if self._random.random() < 0.3:
            return self._random.choice(EDGES)
        spread = self._pick((timedelta(hours=5), timedelta(days=5), timedelta(days=60), timedelta(days=3000)))
        return (NOW + spread * self._random.uniform(-1, 0.2)).replace(microsecond=0)

    def _some(self, *names: str) -> Document:
        return {name: self._value() for name in names if self._random.random() < 0.7}

    def _profile(self, profile_id: str) -> Document:
        countries = ("US", "usa", " Germany", "de", "GB", "Canada", "CA", None, 7, "")
        return {
            "profile_id": profile_id,
            "email": self._maybe(self._pick(TEXTS)),
            "phone_number": self._maybe(
                self._pick(("+4930123456", "+14165550123", "+1212", "0301", "+77012345678", "+"))
            ),
            "first_name": self._maybe(self._pick(TEXTS)),
            "timezone": self._maybe("Europe/Paris"),
            "location": {
                **self._some("city"),
                "country": self._pick(countries),
                "zip": self._pick(("10001", "94105-1234", "M5V", 10001, None)),
            },
            "properties": self._some("p", "q", "wild", "nobody's"),
            "predictive": {
                **self._some("expected_date_of_next_purchase", "total_clv", "churn_probability"),
                "predicted_gender": self._pick(("likely_male", "uncertain", None)),
                "channel_affinity": self._pick(({"email": {"priority": 1, "rank": "high"}}, {"sms": "odd"}, 5, None)),
            },
            "created_at": self._at(),
            "updated_at": self._at(),
            "last_event_at": self._maybe(self._at()),
        }

    def _belongings(self) -> dict[str, list[Document]]:
        rows: dict[str, list[Document]] = {
            "membership": [],
            "consent": [],
            "suppression": [],
            "push_token": [],
            "custom_object": [],
            "event": [],
            "run": [],
            "delivery": [],
        }
        for profile_id in self.people:
            for table, some in rows.items():
                for number in range(self._pick((0, 0, 1, 2, 3))):
                    some.append({"profile_id": profile_id, **getattr(self, f"_{table}")(number)})
        return rows

    def _membership(self, number: int) -> Document:
        return {"group_id": GROUPS[number], "joined_at": self._at()}

    def _consent(self, number: int) -> Document:
        return {
            "channel": self._pick((1, 2, 4)),
            "purpose": self._pick((0, 0, 1)),
            "subscription": self._pick(("SUBSCRIBED", "SUBSCRIBED", "UNSUBSCRIBED")),
            "changed_at": self._at(),
            "recorded_at": self._maybe(self._at()),
            "method": self._maybe(self._pick(METHODS)),
            "detail": self._maybe(self._pick(("d1", "d2", "shopify"))),
            "custom_source": self._maybe("d1"),
            "double_opt_in": self._pick((True, False)),
            "rcs_capable": self._maybe(self._pick((True, False))),
        }

    def _suppression(self, number: int) -> Document:
        return {"list_id": self._pick(("", "", "G1")), "reason": self._pick(SUPPRESSIONS), "at": self._at()}

    def _push_token(self, number: int) -> Document:
        stamps = {"created_at": self._at(), "updated_at": self._at()}
        return {
            "token": str(number),
            "platform": "ios",
            "vendor": "apns",
            "enabled": self._pick((True, False)),
            **stamps,
        }

    def _custom_object(self, number: int) -> Document:
        kind = {"object_type_id": self._pick(("T1", "T2")), "relationship_id": self._pick(("R1", "R1", "R2"))}
        return {**kind, "object_id": str(number), "properties": self._some("1", "2")}

    def _event(self, number: int) -> Document:
        occurred_at = self._pick((self._at(), NOW - timedelta(hours=1)))
        self.events.append((occurred_at, next(numbers)))
        return {
            "metric_id": self._pick(METRICS),
            "occurred_at": occurred_at,
            "number": self.events[-1][1],
            "value": self._maybe(self._pick((0, 1, 9.5, 30, -2))),
            "properties": self._some("p", "q", "wild", "$value"),
        }

    def _run(self, number: int) -> Document:
        return {
            "run_id": f"00000000-0000-0000-0000-{next(numbers):012d}",
            "flow_id": self._pick((FLOW, FLOW, "OTHER1")),
            "version": 1,
            "entered_at": self._pick((self._at(), NOW - timedelta(hours=3))),
            "resume_at": NOW,
            "clock": 0,
            "state": 1,
            "visited": [],
            "steps": 0,
            "chain": 0,
        }

    def _delivery(self, number: int) -> Document:
        return {
            "delivery_id": f"00000000-0000-0000-0000-{next(numbers):012d}",
            "run_id": f"00000000-0000-0000-0000-{next(numbers):012d}",
            "flow_id": FLOW,
            "action_id": 1,
            "message_id": "MESS01",
            "variation": "",
            "channel": self._pick((1, 2, 3)),
            "format": "x",
            "state": 2,
            "clock": 0,
            "queued_at": NOW,
            "due_at": NOW,
            "sent_at": self._maybe(self._at()),
        }


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=6)
scalars = st.one_of(
    texts,
    st.sampled_from(VALUES),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes().map(lambda at: at.isoformat()),
    st.datetimes(timezones=st.sampled_from((UTC,))).map(lambda at: at.isoformat()),
)
wild_values = st.lists(st.one_of(scalars, st.lists(scalars, max_size=3)), max_size=12)


class Undo(Exception):
    """Rolls a transaction back."""


@asynccontextmanager
async def undone(database: Database) -> AsyncIterator[Connection]:
    """Lend a transaction that leaves nothing behind, so that a thousand examples are as quick as ten."""
    with suppress(Undo):
        async with database.transaction() as transaction:
            yield transaction
            raise Undo
