"""Condition groups: groups are joined by AND, the conditions of a group by OR.

Source: reference 3. A filter without groups always holds. Our choice: a group without conditions always holds too, as
nothing is asked in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from headrace.conditions.condition import NO_NEEDS, NO_TOPICS, Condition, ConditionModel, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Moment, Need, Unanswered
from headrace.conditions.flips import earliest, latest
from headrace.conditions.parsing import Model
from headrace.model import Profile

C = TypeVar("C", bound=ConditionModel)
Group = tuple[Condition, ...]


class GroupModel(Model, Generic[C]):
    """Conditions of which one must hold."""

    conditions: list[C]


class FilterGroups(Model, Generic[C]):
    """Groups that must all hold."""

    condition_groups: list[GroupModel[C]]

    def walk(self) -> Iterator[tuple[str, C]]:
        """Yield every condition with its pointer within the filter."""
        for group_number, group in enumerate(self.condition_groups):
            for number, condition in enumerate(group.conditions):
                yield f"/condition_groups/{group_number}/conditions/{number}", condition

    def compile(self, place: str) -> CompiledFilter:
        """Return the compiled filter; `place` names where it stands (an action id), for deterministic sampling."""
        groups = (tuple(condition.compile(place) for condition in group.conditions) for group in self.condition_groups)
        return CompiledFilter(tuple(group for group in groups if group))


@dataclass(frozen=True, slots=True)
class CompiledFilter:
    """A compiled filter: an AND of ORs. The empty one, `EVERYBODY`, always holds.

    `labels` name the conditions for the journal, each once: the second of a kind carries `#2`. `light` are the groups
    that the person's own row decides, `heavy` the others.
    """

    groups: tuple[Group, ...] = ()
    labels: tuple[tuple[str, ...], ...] = field(init=False, compare=False, repr=False)
    light: tuple[Group, ...] = field(init=False, compare=False, repr=False)
    heavy: tuple[Group, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _labels(self.groups))
        light = tuple(group for group in self.groups if all(condition.of_row for condition in group))
        object.__setattr__(self, "light", light)
        object.__setattr__(self, "heavy", tuple(group for group in self.groups if group not in light))

    def topics(self) -> frozenset[str]:
        """Return what of a person the answer hangs on, as `conditions.topics` spells it."""
        return NO_TOPICS.union(*(condition.topics() for group in self.groups for condition in group))

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the needs of all conditions together."""
        found = NO_NEEDS
        for group in self.groups:
            for condition in group:
                needs = condition.needs(moment)
                if needs:
                    found = found | needs if found else needs
        return found

    def needs_of_time(self, moment: Moment) -> frozenset[Need]:
        """Return what `next_change` needs beside `needs`."""
        return NO_NEEDS.union(*(condition.needs_of_time(moment) for group in self.groups for condition in group))

    def decided(self, profile: Profile, moment: Moment) -> bool | None:
        """Return the answer as far as the person's own row tells it, None where more must be known.

        Where it is False, `next_change` needs no facts but the row either.
        """
        facts = RowFacts(profile, moment)
        return _every(
            _some(condition.holds(facts).holds if condition.of_row else None for condition in group)
            for group in self.groups
        )

    def holds(self, facts: Facts) -> Verdict:
        """Decide; `seen` maps each condition that was asked to the value it saw and whether it held, in their order.

        No more conditions are asked than the answer takes.
        """
        seen: dict[str, Any] = {}
        for group, labels in zip(self.groups, self.labels, strict=True):
            if not _any_holds(group, labels, facts, seen):
                return Verdict(False, seen)
        return Verdict(True, seen)

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return query.all([query.any([condition.where(query, moment) for condition in group]) for group in self.groups])

    def next_change(self, facts: Facts) -> datetime | None:
        """Return the first moment after now at which the answer may be another though nothing is written, or None.

        It may be told too early, never too late: nobody is let in before the last of the groups that are against it
        changes. Facts must answer `needs` and `needs_of_time`.
        """
        return self.look(facts)[1]

    def look(self, facts: Facts) -> tuple[bool, datetime | None]:
        """Return whether the filter holds, together with `next_change`, at less cost than one after the other."""
        told = [_turn(group, facts) for group in self.light]
        if all(holds for holds, _ in told):
            told += [_turn(group, facts) for group in self.heavy]
        against = [at for holds, at in told if not holds]
        return not against, latest(against) if against else earliest(at for _, at in told)

    def left_out(self, facts: Facts) -> tuple[bool, datetime | None] | None:
        """Return `look` where the person's own row keeps them out, None where more must be known; it needs no more."""
        against = [at for holds, at in (_turn(group, facts) for group in self.light) if not holds]
        return (False, latest(against)) if against else None

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same moment of every profile at once, NULL for never; None where time has no bearing on any.

        It may be earlier than that of `next_change`, never later. Nobody is let in or out by time whom a group keeps
        out on which time has no bearing.
        """
        told = [(group, _changes(group, query, moment)) for group in self.groups]
        moments = [at for _, at in told if at is not None]
        if not moments:
            return None
        lasting = [query.any([one.where(query, moment) for one in group]) for group, at in told if at is None]
        first = query.earliest(moments)
        return query.if_all(lasting, first) if lasting else first


class RowFacts(Unanswered):
    """The facts that a person's own row answers; every need is refused."""

    __slots__ = ("moment", "profile")
    event = None
    outputs: Mapping[str, Any] = {}

    def __init__(self, profile: Profile, moment: Moment) -> None:
        self.profile = profile
        self.moment = moment


def _every(answers: Iterable[bool | None]) -> bool | None:
    known = set(answers)
    return False if False in known else None if None in known else True


def _some(answers: Iterable[bool | None]) -> bool | None:
    known = set(answers)
    return True if True in known else None if None in known else False


def _turn(group: Group, facts: Facts) -> tuple[bool, datetime | None]:
    """Return whether a group holds, and until when it surely goes on to (not) hold."""
    if len(group) == 1:
        return group[0].holds(facts).holds, group[0].next_change(facts)
    holding = [condition for condition in group if condition.holds(facts).holds]
    if holding:
        return True, latest(condition.next_change(facts) for condition in holding)
    return False, earliest(condition.next_change(facts) for condition in group)


def _changes(group: Group, query: FactQuery[Clause], moment: Moment) -> Clause | None:
    told = [condition.next_change_where(query, moment) for condition in group]
    clauses = [one for one in told if one is not None]
    return query.earliest(clauses) if clauses else None


def _any_holds(group: Group, labels: tuple[str, ...], facts: Facts, seen: dict[str, Any]) -> bool:
    for condition, label in zip(group, labels, strict=True):
        verdict = condition.holds(facts)
        seen[label] = {"saw": verdict.seen, "held": verdict.holds}
        if verdict.holds:
            return True
    return False


def _labels(groups: tuple[Group, ...]) -> tuple[tuple[str, ...], ...]:
    counts: Counter[str] = Counter()
    return tuple(tuple(_numbered(condition.label, counts) for condition in group) for group in groups)


def _numbered(label: str, counts: Counter[str]) -> str:
    counts[label] += 1
    return label if counts[label] == 1 else f"{label}#{counts[label]}"


EVERYBODY = CompiledFilter()
