"""`profile-not-in-flow`: the person has not been in this flow before, ever or in a time.

It is allowed in the flow's own filter, where older definitions said with it who may re-enter. Entries before the run's
own count; the run itself never does. Source: reference 1.3, 1.4, 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from headrace.conditions import spans
from headrace.conditions.condition import Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, LastEntry, Moment, Need
from headrace.conditions.filters import RecentFilter, Timeframe
from headrace.conditions.flips import flips_of, next_flip


class ProfileNotInFlow(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-not-in-flow"]
    timeframe_filter: RecentFilter

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledNotInFlow(self.type, self.timeframe_filter.compile())


@dataclass(frozen=True, slots=True)
class CompiledNotInFlow(Timeless):
    """The compiled condition; the moment names the flow."""

    label: str
    timeframe: Timeframe

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the last entry before the run's."""
        return frozenset((_need(moment),))

    def holds(self, facts: Facts) -> Verdict:
        """Ask whether the last entry lies in the time; when that was is what was seen."""
        last = facts.last_entry(_need(facts.moment))
        within = self.timeframe.spans(facts.moment.now, facts.moment.entered_at)
        found = last is not None and any(spans.contains(span, last) for span in within)
        return Verdict(not found, last.isoformat() if last else None)

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        within = self.timeframe.spans(moment.now, moment.entered_at)
        return query.negate(query.last_entry(_need(moment), within))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when the last entry leaves the time."""
        return next_flip(self.timeframe, facts.last_entry(_need(facts.moment)), facts.moment.now)

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once."""
        flips = flips_of(self.timeframe)
        return query.last_entry_flip(_need(moment), flips, moment.now) if flips.edges else None


def _need(moment: Moment) -> LastEntry:
    return LastEntry(moment.flow_id, moment.entered_at)
