"""`profile-group-membership`: the profile is a member of any of these lists and segments, or of none of them.

A timeframe narrows membership to those who joined within it; it is allowed with `is_member: true` only.
Source: reference 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import model_validator

from headrace.conditions import spans
from headrace.conditions.condition import Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, Membership, Moment, Need
from headrace.conditions.filters import JoinedFilter, Timeframe
from headrace.conditions.flips import earliest, flips_of, next_flip
from headrace.conditions.topics import of_group


class ProfileGroupMembership(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-group-membership"]
    is_member: bool
    group_ids: list[str]
    timeframe_filter: JoinedFilter | None = None

    @model_validator(mode="after")
    def _timeframe_needs_membership(self) -> ProfileGroupMembership:
        if self.timeframe_filter is not None and not self.is_member:
            raise ValueError("'timeframe_filter' is allowed with 'is_member' true only")
        return self

    @property
    def obstacle(self) -> str | None:
        """Why the condition cannot run here: the description allows one that names nothing, which asks nothing."""
        if self.group_ids:
            return None
        return (
            f"'group_ids' names no list or segment, so it would hold for {'nobody' if self.is_member else 'everybody'}"
        )

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledMembership(
            label=f"profile-group-membership:{','.join(self.group_ids)}",
            is_member=self.is_member,
            need=Membership(tuple(self.group_ids)),
            joined=self.timeframe_filter.compile() if self.timeframe_filter else None,
        )


@dataclass(frozen=True, slots=True)
class CompiledMembership(Timeless):
    """The compiled condition."""

    label: str
    is_member: bool
    need: Membership
    joined: Timeframe | None

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the one membership need."""
        return frozenset((self.need,))

    def holds(self, facts: Facts) -> Verdict:
        """Look for a group that the profile is a member of; the groups found are what was seen."""
        found = [group_id for group_id in self.need.group_ids if self._counts(facts, group_id)]
        return Verdict(bool(found) is self.is_member, found)

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        selected = self.joined.spans(moment.now, moment.entered_at) if self.joined else None
        clause = query.member(self.need, selected)
        return clause if self.is_member else query.negate(clause)

    def topics(self) -> frozenset[str]:
        """Return the groups."""
        return frozenset(map(of_group, self.need.group_ids))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when a moment of joining comes into the time or leaves it."""
        joined = (facts.joined_at(group_id) for group_id in self.need.group_ids)
        return earliest(next_flip(self.joined, one, facts.moment.now) for one in joined)

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once."""
        flips = flips_of(self.joined)
        return query.joined_flip(self.need, flips, moment.now) if flips.edges else None

    def _counts(self, facts: Facts, group_id: str) -> bool:
        joined_at = facts.joined_at(group_id)
        if joined_at is None or self.joined is None:
            return joined_at is not None
        selected = self.joined.spans(facts.moment.now, facts.moment.entered_at)
        return any(spans.contains(span, joined_at) for span in selected)
