"""`action-output`: what an earlier action of the run answered satisfies a filter.

`output_config_id` is the action's id and `field` a dotted path into its output: `status`, `body.customer.tier`; a
number steps into a list. Source: reference 3.1. Our choice: an action without output, as one not yet carried out,
satisfies no filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Moment, Need
from headrace.conditions.filters import OutputFilter, ValueFilter
from headrace.conditions.profile_property import plain


class ActionOutput(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["action-output"]
    output_config_id: int
    field: str
    filter: OutputFilter

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        label = f"{self.type}:{self.output_config_id}.{self.field}"
        return CompiledOutput(label, str(self.output_config_id), tuple(self.field.split(".")), self.filter.compile())


@dataclass(frozen=True, slots=True)
class CompiledOutput(Timeless):
    """The compiled condition."""

    label: str
    action_id: str
    path: tuple[str, ...]
    value_filter: ValueFilter

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing: the run carries its outputs."""
        return NO_NEEDS

    def holds(self, facts: Facts) -> Verdict:
        """Test the value at the path; it is what was seen."""
        if self.action_id not in facts.outputs:
            return Verdict(False)
        value = facts.outputs[self.action_id]
        for key in self.path:
            value = _step(value, key)
        return Verdict(self.value_filter.matches(value, facts.moment.now), plain(value))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return a clause that selects nobody: outside a run nothing was answered."""
        return query.any(())


def _step(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(key)
    if isinstance(value, list) and key.isascii() and key.isdigit() and len(key) < 10:
        return value[int(key)] if int(key) < len(value) else None
    return None
