"""`multi-branch-split`: the first of several branches whose filter holds, else the branch for the rest.

What the branches must be to one another is checked in `flows/rules.py`. Source: reference 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from headrace.conditions import EVERYBODY, BranchFilter, CompiledFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import Action, ActionModel, Links, Place, number
from headrace.flows.step import Advance, Outcome, StepContext


class Branch(Model):
    """One branch; `order` says when it is asked, and branches without one come last in the order of the document."""

    branch_id: str
    order: int | None = None
    is_else: bool = False
    branch_filter: BranchFilter | None = None
    links: Links | None = None
    name: str | None = None


class MultiBranchSplitData(Model):
    """The branches."""

    branches: list[Branch]
    name: str


class MultiBranchSplit(ActionModel):
    """The action as a document writes it; its own `links` mean nothing."""

    type: Literal["multi-branch-split"]
    links: Any = None
    data: MultiBranchSplitData | None = None

    @property
    def branches(self) -> list[Branch]:
        """The branches as the document has them."""
        return self.data.branches if self.data else []

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the condition groups of all branches."""
        branches = enumerate(self.branches)
        return [(f"{_pointer(place)}/branch_filter", one.branch_filter) for place, one in branches if one.branch_filter]

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return that there are no branches, or the branches that ask nothing."""
        if self.data is None:
            return [("/data", "has no branches")]
        return [
            (f"{_pointer(place)}/branch_filter", f"asks nothing in its branch '{one.branch_id}'")
            for place, one in enumerate(self.branches)
            if not one.is_else and one.branch_filter is None
        ]

    def compile(self, place: Place) -> Action:
        """Return the compiled action."""
        asked = sorted((one for one in self.branches if not one.is_else), key=_order)
        rest = next((one for one in self.branches if one.is_else), None)
        return CompiledMultiBranchSplit(
            place.action_id,
            tuple(_compiled(one, place) for one in asked),
            _compiled(rest, place) if rest else None,
        )


@dataclass(frozen=True, slots=True)
class CompiledBranch:
    """A compiled branch."""

    branch_id: str
    condition: CompiledFilter
    next_id: int | None


@dataclass(frozen=True, slots=True)
class CompiledMultiBranchSplit:
    """The compiled action: the branches in the order in which they are asked, and the one for the rest."""

    action_id: int
    branches: tuple[CompiledBranch, ...]
    rest: CompiledBranch | None
    type: str = "multi-branch-split"
    acts: bool = False
    additional_filters: CompiledFilter = EVERYBODY

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return what the questions of all branches must know."""
        return NO_NEEDS.union(*(branch.condition.needs(moment) for branch in self.branches))

    def step(self, context: StepContext) -> Outcome:
        """Ask the branches in turn; what each saw goes to the journal under its id."""
        seen: dict[str, Any] = {}
        for branch in self.branches:
            verdict = branch.condition.holds(context.facts)
            seen[branch.branch_id] = verdict.seen
            if verdict.holds:
                return Advance(branch.next_id, branch.branch_id, seen)
        return Advance(self.rest.next_id, self.rest.branch_id, seen) if self.rest else Advance(None, "", seen)


def _pointer(place: int) -> str:
    return f"/data/branches/{place}"


def _order(branch: Branch) -> tuple[bool, int]:
    return branch.order is None, branch.order or 0


def _compiled(branch: Branch, place: Place) -> CompiledBranch:
    """Return a branch made ready; each has draws of its own, so that samples in several branches are independent."""
    asked = branch.branch_filter
    condition = asked.compile(f"{place.action_id}:{branch.branch_id}") if asked else EVERYBODY
    return CompiledBranch(branch.branch_id, condition, number(branch.links.next) if branch.links else None)
