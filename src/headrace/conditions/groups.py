"""Condition groups: groups are joined by AND, the conditions of a group by OR.

Source: reference 3. A filter without groups always holds. Our choice: a group without conditions always holds too, as
nothing is asked in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Verdict
from headrace.conditions.facts import Clause, FactQuery, Facts, Moment, Need
from headrace.conditions.parsing import Model

C = TypeVar("C", bound=ConditionModel)


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

    `labels` name the conditions for the journal, each once: the second of a kind carries `#2`.
    """

    groups: tuple[tuple[Condition, ...], ...] = ()
    labels: tuple[tuple[str, ...], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", _labels(self.groups))

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the needs of all conditions together."""
        found = NO_NEEDS
        for group in self.groups:
            for condition in group:
                needs = condition.needs(moment)
                if needs:
                    found = found | needs if found else needs
        return found

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


def _any_holds(group: tuple[Condition, ...], labels: tuple[str, ...], facts: Facts, seen: dict[str, Any]) -> bool:
    for condition, label in zip(group, labels, strict=True):
        verdict = condition.holds(facts)
        seen[label] = {"saw": verdict.seen, "held": verdict.holds}
        if verdict.holds:
            return True
    return False


def _labels(groups: tuple[tuple[Condition, ...], ...]) -> tuple[tuple[str, ...], ...]:
    counts: Counter[str] = Counter()
    return tuple(tuple(_numbered(condition.label, counts) for condition in group) for group in groups)


def _numbered(label: str, counts: Counter[str]) -> str:
    counts[label] += 1
    return label if counts[label] == 1 else f"{label}#{counts[label]}"


EVERYBODY = CompiledFilter()
