"""`profile-sample`: a fixed share of those who come by.

The draw is a hash of the run and of the action where the sample stands, so a run that arrives again, on whatever
worker, is drawn alike. Source: reference 3.1, DESIGN 3. Our choice: the share is drawn once per run and action; two
samples in one action fall alike. Outside a run the person's id is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Moment, Need
from headrace.ids import share


class ProfileSample(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-sample"]
    percentage: Annotated[int, Field(ge=0, le=100)]

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledSample("profile-sample", self.percentage, place)


@dataclass(frozen=True, slots=True)
class CompiledSample(Timeless):
    """The compiled condition; `place` is the action's id."""

    of_row: ClassVar[bool] = True

    label: str
    percentage: int
    place: str

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing: the draw needs no facts."""
        return NO_NEEDS

    def holds(self, facts: Facts) -> Verdict:
        """Draw; what was seen is the number drawn, 0-100."""
        drawn = share(facts.moment.sample_key or facts.profile.profile_id, self.place) * 100
        return Verdict(drawn < self.percentage, round(drawn, 3))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return query.sample(self.percentage, self.place, moment.sample_key)
