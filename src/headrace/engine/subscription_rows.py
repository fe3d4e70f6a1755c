"""What the jobs that subscribe and unsubscribe people keep: one row per person, and what is said about all of them.

What is here: the records and how a job stores them. What is not: doing it (`subscription_jobs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from headrace.storage.consenting import Source
from headrace.storage.identity import IncomingProfile
from headrace.storage.push_tokens import Token

SUBSCRIBE = "subscribe-profiles"
UNSUBSCRIBE = "unsubscribe-profiles"
"""The kinds of job."""
BY_API = "api"
"""How consent that a request states came about. Source: reference 3.3."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One consent that a row asks for; `at` is when it was given, None for now."""

    channel: int
    purpose: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """One row of a job: who it is, what they agree to or end, and the devices that come or go."""

    profile_id: str | None = None
    email: str | None = None
    phone_number: str | None = None
    anonymous_id: str | None = None
    wishes: tuple[Wish, ...] = ()
    tokens: tuple[Token, ...] = ()
    born: date | None = None

    def stored(self) -> dict[str, Any]:
        """Return the row as a job keeps it."""
        plain = asdict(self)
        plain["wishes"] = [[one.channel, one.purpose, one.at.isoformat() if one.at else None] for one in self.wishes]
        plain["born"] = self.born.isoformat() if self.born else None
        return {name: value for name, value in plain.items() if value}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Person:
        """Return the row that a job keeps."""
        wishes = (
            Wish(channel, purpose, datetime.fromisoformat(at) if at else None)
            for channel, purpose, at in stored.get("wishes", ())
        )
        born = stored.get("born")
        rest = {name: stored.get(name) for name in ("profile_id", "email", "phone_number", "anonymous_id")}
        return cls(
            **rest,
            wishes=tuple(wishes),
            tokens=tuple(Token(**one) for one in stored.get("tokens", ())),
            born=date.fromisoformat(born) if born else None,
        )

    @property
    def incoming(self) -> IncomingProfile:
        """The person as identities are resolved."""
        return IncomingProfile(self.profile_id, self.email, self.phone_number, anonymous_id=self.anonymous_id)


@dataclass(frozen=True, slots=True)
class Order:
    """What a job says about all its rows; `asked_at` is the account's time at which it was asked for."""

    asked_at: datetime
    list_id: str | None = None
    historical: bool = False
    custom_source: str | None = None
    detail: str = ""

    def stored(self) -> dict[str, Any]:
        """Return the arguments of the job, without its rows."""
        return {**asdict(self), "asked_at": self.asked_at.isoformat()}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Order:
        """Return what a job's arguments say."""
        return cls(
            datetime.fromisoformat(stored["asked_at"]),
            stored["list_id"],
            historical=stored["historical"],
            custom_source=stored["custom_source"],
            detail=stored["detail"],
        )

    @property
    def source(self) -> Source:
        """How its consents came about."""
        return Source(BY_API, self.detail, self.custom_source)


def arguments(order: Order, people: Iterable[Person]) -> dict[str, Any]:
    """Return the arguments of a job."""
    return {**order.stored(), "people": [one.stored() for one in people]}
