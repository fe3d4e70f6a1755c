"""Condition groups: groups are joined by AND, the conditions of a group by OR.

Source: reference 3. A filter without groups always holds. Our choice: a group without conditions always holds too, as
nothing is asked in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
    """A compiled filter: an AND of ORs. The empty one, `EVERYBODY`, always holds."""

    groups: tuple[tuple[Condition, ...], ...] = ()

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the needs of all conditions together."""
        if not self.groups:
            return NO_NEEDS
        return frozenset().union(*(condition.needs(moment) for group in self.groups for condition in group))

    def holds(self, facts: Facts) -> Verdict:
        """Decide; `seen` maps the labels of the conditions that were asked to the values they saw.

        Conditions are asked in their order, and no more of them than the answer takes.
        """
        seen: dict[str, Any] = {}
        return Verdict(all(_any_holds(group, facts, seen) for group in self.groups), seen)

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return query.all([query.any([condition.where(query, moment) for condition in group]) for group in self.groups])


EVERYBODY = CompiledFilter()


def _any_holds(group: tuple[Condition, ...], facts: Facts, seen: dict[str, Any]) -> bool:
    for condition in group:
        verdict = condition.holds(facts)
        seen[condition.label] = verdict.seen
        if verdict.holds:
            return True
    return False
