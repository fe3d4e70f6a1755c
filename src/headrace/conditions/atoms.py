"""The questions about consent that conditions are made of, each with both readings, and their joining.

What is here is pure; which condition asks which of them is said by `profile_marketing_consent` and
`profile_permissions`. Source: reference 3.3, 4.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import ConsentOn, ConsentTest, Facts, Need, PushTokens, Suppressions
from headrace.conditions.flips import earliest, flips_of, next_flip

SUPPRESSIONS: frozenset[Need] = frozenset((Suppressions(),))
PUSH: frozenset[Need] = frozenset((PushTokens(),))


class Atom(Protocol):
    """A question about one profile."""

    def needs(self) -> frozenset[Need]:
        """Return what must be known to answer."""
        ...

    def holds(self, facts: Facts) -> bool:
        """Answer for one profile."""
        ...

    def where(self, query: FactQuery[Clause], now: datetime) -> Clause:
        """Return the same question asked of every profile."""
        ...

    def next_change(self, facts: Facts) -> datetime | None:
        """Return the first moment after now at which the answer may be another, None for never."""
        ...

    def next_changes_where(self, query: FactQuery[Clause], now: datetime) -> Iterator[Clause]:
        """Yield such moments of every profile at once; the earliest of them counts."""
        ...


@dataclass(frozen=True, slots=True)
class HasConsent:
    """A consent is on record: of this subscription, any for None, and it passes every test."""

    need: ConsentOn
    subscription: str | None
    tests: tuple[ConsentTest, ...] = ()

    def needs(self) -> frozenset[Need]:
        """Return the consent."""
        return frozenset((self.need,))

    def holds(self, facts: Facts) -> bool:
        """Look at the consent."""
        found = facts.consent(self.need)
        if found is None or self.subscription not in (None, found.subscription):
            return False
        return all(test.filter.matches(getattr(found, test.field), facts.moment.now) for test in self.tests)

    def where(self, query: FactQuery[Clause], now: datetime) -> Clause:
        """Return the same question asked of every profile."""
        return query.consent(self.need, self.subscription, self.tests, now)

    def next_change(self, facts: Facts) -> datetime | None:
        """Look at the dates of the consent."""
        found = facts.consent(self.need)
        if found is None or self.subscription not in (None, found.subscription):
            return None
        return earliest(next_flip(test.filter, getattr(found, test.field), facts.moment.now) for test in self.tests)

    def next_changes_where(self, query: FactQuery[Clause], now: datetime) -> Iterator[Clause]:
        """Yield one moment for each date that is tested."""
        for test in self.tests:
            flips = flips_of(test.filter)
            if flips.edges:
                yield query.consent_flip(self.need, self.subscription, test.field, flips, now)


@dataclass(frozen=True, slots=True)
class IsSuppressed:
    """No e-mail is sent for this reason, any for None; since when passes the filter, where there is one."""

    reason: str | None = None
    since: Any = None

    def needs(self) -> frozenset[Need]:
        """Return the suppressions."""
        return SUPPRESSIONS

    def holds(self, facts: Facts) -> bool:
        """Look for the reason."""
        return any(
            self.reason in (None, one.reason) and (self.since is None or self.since.matches(one.at, facts.moment.now))
            for one in facts.suppressions()
        )

    def where(self, query: FactQuery[Clause], now: datetime) -> Clause:
        """Return the same question asked of every profile."""
        return query.suppressed(self.reason, self.since, now)

    def next_change(self, facts: Facts) -> datetime | None:
        """Look at the dates of the suppressions."""
        dates = (one.at for one in facts.suppressions() if self.reason in (None, one.reason))
        return earliest(next_flip(self.since, at, facts.moment.now) for at in dates)

    def next_changes_where(self, query: FactQuery[Clause], now: datetime) -> Iterator[Clause]:
        """Yield the moment of the date that is tested, where one is."""
        flips = flips_of(self.since)
        if flips.edges:
            yield query.suppressed_flip(self.reason, flips, now)


@dataclass(frozen=True, slots=True)
class IsPushable:
    """A device takes push messages; since when passes the filter, where there is one."""

    since: Any = None

    def needs(self) -> frozenset[Need]:
        """Return the devices."""
        return PUSH

    def holds(self, facts: Facts) -> bool:
        """Look for a device."""
        found = facts.push_since()
        return found is not None and (self.since is None or self.since.matches(found, facts.moment.now))

    def where(self, query: FactQuery[Clause], now: datetime) -> Clause:
        """Return the same question asked of every profile."""
        return query.pushable(self.since, now)

    def next_change(self, facts: Facts) -> datetime | None:
        """Look at the date of the device."""
        return next_flip(self.since, facts.push_since(), facts.moment.now)

    def next_changes_where(self, query: FactQuery[Clause], now: datetime) -> Iterator[Clause]:
        """Yield the moment of the date that is tested, where one is."""
        flips = flips_of(self.since)
        if flips.edges:
            yield query.pushable_flip(flips, now)


@dataclass(frozen=True, slots=True)
class Not:
    """The question's opposite."""

    atom: Atom

    def needs(self) -> frozenset[Need]:
        """Return the question's needs."""
        return self.atom.needs()

    def holds(self, facts: Facts) -> bool:
        """Answer the opposite."""
        return not self.atom.holds(facts)

    def where(self, query: FactQuery[Clause], now: datetime) -> Clause:
        """Return the same question asked of every profile."""
        return query.negate(self.atom.where(query, now))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when the question's answer changes."""
        return self.atom.next_change(facts)

    def next_changes_where(self, query: FactQuery[Clause], now: datetime) -> Iterator[Clause]:
        """Yield the question's moments."""
        return self.atom.next_changes_where(query, now)


@dataclass(frozen=True, slots=True)
class All:
    """Every question is answered by yes; true for none."""

    atoms: tuple[Atom, ...]

    def needs(self) -> frozenset[Need]:
        """Return the needs of all."""
        return NO_NEEDS.union(*(atom.needs() for atom in self.atoms))

    def holds(self, facts: Facts) -> bool:
        """Ask one after the other."""
        return all(atom.holds(facts) for atom in self.atoms)

    def where(self, query: FactQuery[Clause], now: datetime) -> Clause:
        """Return the same question asked of every profile."""
        return query.all([atom.where(query, now) for atom in self.atoms])

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when the first of the answers changes."""
        return earliest(atom.next_change(facts) for atom in self.atoms)

    def next_changes_where(self, query: FactQuery[Clause], now: datetime) -> Iterator[Clause]:
        """Yield the moments of all."""
        return (clause for atom in self.atoms for clause in atom.next_changes_where(query, now))


@dataclass(frozen=True, slots=True)
class Either:
    """Some question is answered by yes; false for none."""

    atoms: tuple[Atom, ...]

    def needs(self) -> frozenset[Need]:
        """Return the needs of all."""
        return NO_NEEDS.union(*(atom.needs() for atom in self.atoms))

    def holds(self, facts: Facts) -> bool:
        """Ask one after the other."""
        return any(atom.holds(facts) for atom in self.atoms)

    def where(self, query: FactQuery[Clause], now: datetime) -> Clause:
        """Return the same question asked of every profile."""
        return query.any([atom.where(query, now) for atom in self.atoms])

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when the first of the answers changes."""
        return earliest(atom.next_change(facts) for atom in self.atoms)

    def next_changes_where(self, query: FactQuery[Clause], now: datetime) -> Iterator[Clause]:
        """Yield the moments of all."""
        return (clause for atom in self.atoms for clause in atom.next_changes_where(query, now))
