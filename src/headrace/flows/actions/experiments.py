"""What A/B tests and content experiments have in common: a main action, and variations that share people among them.

While the experiment is live every person gets one variation, always the same one: their place in [0, 1) is a hash of
the profile and the experiment, and the variations take shares of it in their order. Before and after it everybody gets
the main action. Source: reference 2.4, DESIGN 3 (randomness).

Our choice: the status of the experiment's own action counts, not those inside it; variations without a share get
nobody, and without any allocations the shares are equal. What shares may be is checked in `flows/rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Moment, Need
from headrace.conditions.parsing import Model
from headrace.flows.actions.base import RUNNING, OneWay, Place, Status
from headrace.flows.actions.sending import CompiledSend, SendModel, compile_send
from headrace.flows.step import Outcome, StepContext
from headrace.ids import fraction

FEWEST_VARIATIONS = 2
"""Variations that make an experiment. Source: reference 2.4."""


class ExperimentModel(Model):
    """The fields that every experiment has; variations are sending actions."""

    id: str | None = None
    name: str | None = None
    variations: Sequence[SendModel]
    allocations: dict[str, Any] | None = None


class ExperimentData(Model):
    """The fields that the data of every experiment action has."""

    status: Status = "draft"
    experiment_status: Any
    main_action: SendModel
    current_experiment: ExperimentModel | None = None


class ExperimentAction(OneWay):
    """An action that tries variations, as a document writes it."""

    data: ExperimentData

    @property
    def tried(self) -> ExperimentModel | None:
        """The experiment while it is live and has variations, else None."""
        experiment = self.data.current_experiment
        return experiment if self.data.experiment_status == "live" and experiment and experiment.variations else None

    @property
    def acts(self) -> bool:
        """Whether it sends."""
        return self.data.status in RUNNING and (self.tried is not None or self.data.main_action.message is not None)

    @property
    def filters(self) -> list[tuple[str, Any]]:
        """Return the condition groups of the messages inside."""
        return [(f"{at}{pointer}", groups) for at, one in self._inside() for pointer, groups in one.filters]

    @property
    def lacks(self) -> list[tuple[str, str]]:
        """Return what the messages inside lack, and that a live experiment has too few variations."""
        lacking = [
            (f"{at}{pointer}", f"holds an action that {words}")
            for at, one in self._inside()
            for pointer, words in one.lacks
        ]
        if self.data.experiment_status == "live" and self._count() < FEWEST_VARIATIONS:
            words = f"has a live experiment with {self._count()} variations; {FEWEST_VARIATIONS} are needed"
            lacking.append(("/data/current_experiment/variations", words))
        return lacking

    def compile(self, place: Place) -> CompiledExperiment:
        """Return the compiled action."""
        status, tried, experiment = self.data.status, self.tried, self.data.current_experiment
        return CompiledExperiment(
            action_id=place.action_id,
            type=self.type,
            next_id=self.next_id,
            acts=self.acts,
            key=str((tried.id if tried else None) or place.action_id),
            main=compile_send(self.data.main_action, place, self.next_id, status),
            variations=_compiled(experiment, place, self.next_id, status) if experiment else (),
            tried=tried is not None,
        )

    def _inside(self) -> list[tuple[str, SendModel]]:
        experiment = self.data.current_experiment
        variations = enumerate(experiment.variations if experiment else ())
        named = [(f"/data/current_experiment/variations/{place}", one) for place, one in variations]
        return [("/data/main_action", self.data.main_action), *named]

    def _count(self) -> int:
        return len(self.data.current_experiment.variations) if self.data.current_experiment else 0


@dataclass(frozen=True, slots=True)
class Variation:
    """A variation and the upper end of its share, a fraction 0-1."""

    until: float
    send: CompiledSend


@dataclass(frozen=True, slots=True)
class CompiledExperiment:
    """The compiled action; nobody gets one of `variations` unless these are `tried`. `key` names the experiment.

    Once an experiment has ended its variations stay, so that messages which were queued meanwhile still go out.
    """

    action_id: int
    type: str
    next_id: int | None
    acts: bool
    key: str
    main: CompiledSend
    variations: tuple[Variation, ...]
    tried: bool
    additional_filters: CompiledFilter = EVERYBODY

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return what the filters of all messages inside must know."""
        if not self.acts:
            return NO_NEEDS
        tried = self.variations if self.tried else ()
        return self.main.needs(moment).union(*(one.send.needs(moment) for one in tried))

    def step(self, context: StepContext) -> Outcome:
        """Send the person's variation, or the main action's message; a draft is passed over in silence."""
        return self.chosen_for(context.facts.profile.profile_id).step(context)

    def chosen_for(self, profile_id: str) -> CompiledSend:
        """Return what a person gets."""
        if not self.tried:
            return self.main
        drawn = fraction(profile_id, self.key)
        return next((one.send for one in self.variations if drawn < one.until), self.variations[-1].send)

    def sending(self, variation: str) -> CompiledSend | None:
        """Return a variation by its id, the main action for the empty one, None for one that is gone."""
        if not variation:
            return self.main
        return next((one.send for one in self.variations if one.send.variation == variation), None)


def _compiled(experiment: ExperimentModel, place: Place, next_id: int | None, status: Status) -> tuple[Variation, ...]:
    sends = [
        compile_send(one, place, next_id, status, one.id or f"{place.action_id}:{at}")
        for at, one in enumerate(experiment.variations)
    ]
    if not sends:
        return ()
    ends = list(accumulate(shares(experiment.allocations, [one.variation for one in sends])))
    return tuple(Variation(until, send) for until, send in zip(ends, sends, strict=True))


def shares(allocations: Mapping[str, Any] | None, variations: Sequence[str]) -> list[float]:
    """Return the share of each variation, fractions that sum to 1; equal ones where nothing is allocated."""
    weights = [float((allocations or {}).get(one) or 0) for one in variations]
    total = sum(weights)
    return [one / total for one in weights] if total > 0 else [1 / len(variations)] * len(variations)
