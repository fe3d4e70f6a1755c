"""Condition types that are stored and returned unchanged and do not run yet.

A flow that uses one cannot go live, so `holds` is never asked in earnest: it answers no. Source: reference 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from headrace.conditions.condition import NO_NEEDS, Condition, ConditionModel, Verdict
from headrace.conditions.facts import Clause, FactQuery, Facts, Moment, Need

PROFILE_TYPES = (
    "profile-region",
    "profile-postal-code-distance",
    "profile-predictive-analytics",
    "profile-marketing-consent",
    "profile-has-custom-object",
    "profile-permissions",
    "profile-not-sent-email",
    "profile-not-sent-sms",
    "profile-not-sent-push",
)
"""Allowed wherever a profile is tested."""
FLOW_TYPES = ("profile-not-in-flow",)
"""Allowed in the flow's own profile filter only."""


class StoredCondition(ConditionModel):
    """A condition of a known type whose other fields are kept as they are."""

    model_config = ConfigDict(extra="allow")
    runs: ClassVar[bool] = False

    def compile(self, place: str) -> Condition:
        """Return a condition that never holds."""
        return Never(self.type)


@dataclass(frozen=True, slots=True)
class Never:
    """The compiled form: it does not hold."""

    label: str

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return nothing."""
        return NO_NEEDS

    def holds(self, facts: Facts) -> Verdict:
        """Say no."""
        return Verdict(False)

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return a clause that selects nobody."""
        return query.any(())
