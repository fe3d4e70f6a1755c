"""A flow made ready to run: no pydantic, everything that can be known before the first person is known.

Compiled flows are immutable; callers cache them by flow id and version. What is not here: storing runs (`engine`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.facts import Membership, Moment, Need
from headrace.flows.actions import Action, CompiledDelay
from headrace.flows.actions.base import RUNNING
from headrace.flows.actions.experiments import CompiledExperiment
from headrace.flows.actions.sending import CompiledSend
from headrace.flows.definition import DefinitionModel
from headrace.flows.places import places_of
from headrace.flows.reentry import Reentry, default_for
from headrace.flows.step import Exit
from headrace.flows.triggers import CompiledDate, Trigger
from headrace.flows.walk import Document

NO_DELAY = timedelta(days=3650)
"""`shortest_delay` of a flow without delays."""
DELETED = Exit("action_deleted")
"""Where a run ends whose action was deleted without a successor. Source: reference 1.1."""


@dataclass(frozen=True, slots=True)
class CompiledFlow:
    """A flow as the engine runs it.

    `actions` holds every action by id. `profile_filter` is asked at entry and before every action that acts, and the
    actions' `additional_filters` beside it. `tombstones` names the successor of each deleted action, None for none.
    """

    flow_id: str
    name: str
    status: str
    version: int
    trigger: Trigger | None
    entry_action_id: int | None
    actions: Mapping[int, Action]
    profile_filter: CompiledFilter
    reentry: Reentry
    tombstones: Mapping[int, int | None] = field(default_factory=dict)

    @property
    def group_id(self) -> str | None:
        """The list or segment whose new members enter, None for flows with another trigger."""
        return self.trigger.group_id if self.trigger else None

    @property
    def date_trigger(self) -> CompiledDate | None:
        """The trigger of a flow that leads to a date of the person, None for other flows."""
        return self.trigger if isinstance(self.trigger, CompiledDate) else None

    def entry_allowed_by_status(self) -> bool:
        """Tell whether people enter: the flow is live or manual, and so is an action. Source: reference 1.1."""
        return self.status in RUNNING and any(action.acts for action in self.actions.values())

    def needs_at_entry(self, moment: Moment) -> frozenset[Need]:
        """Return what the flow's profile filter must know; the moment's `entered_at` is the entry that is tried."""
        return self.profile_filter.needs(moment)

    def needs(self, action_id: int, moment: Moment) -> frozenset[Need]:
        """Return what the step of an action must know: its own conditions and, where it acts, what is asked before it.

        That is the flow's filter, and whether the person is still in the list or segment that let them in.
        """
        action = self.actions.get(action_id)
        if action is None:
            return NO_NEEDS
        own = action.needs(moment)
        if not action.acts:
            return own
        if self.profile_filter.groups:
            own |= self.profile_filter.needs(moment)
        return own | {Membership((self.group_id,))} if self.group_id else own

    def shortest_delay(self) -> timedelta:
        """Return a time that every delay of the flow surely lasts: zero or more, ten years where there is none."""
        delays = (action.shortest for action in self.actions.values() if isinstance(action, CompiledDelay))
        return min(delays, default=NO_DELAY)

    def message_action(self, action_id: int, variation: str = "") -> CompiledSend | None:
        """Return the sending action behind a delivery, None where it is gone; an experiment's is found by variation."""
        action = self.actions.get(action_id)
        if isinstance(action, CompiledExperiment):
            return action.sending(variation)
        return action if isinstance(action, CompiledSend) and not variation else None

    def locate(self, action_id: int) -> Action | Exit:
        """Return the action that a run pointing at `action_id` carries out next, or how the run ends.

        Tombstones of deleted actions are followed. Source: reference 1.1.
        """
        following: int | None = action_id
        for _ in range(len(self.tombstones) + 1):
            if following is None or following in self.actions:
                break
            following = self.tombstones.get(following)
        return DELETED if following is None else self.actions.get(following, DELETED)


def compile_flow(
    flow_id: str,
    name: str,
    status: str,
    version: int,
    document: Document,
    tombstones: Mapping[int, int | None] | None = None,
) -> CompiledFlow:
    """Return a flow ready to run; `document` is a valid definition with real ids.

    Raises pydantic's `ValidationError` for a document that `validate` would refuse, which in stored flows is a bug.
    """
    model = DefinitionModel.model_validate(document)
    trigger = model.triggers[0].compile() if model.triggers else None
    places = places_of(model, document, trigger)
    default = default_for(trigger.type if trigger else None)
    return CompiledFlow(
        flow_id=flow_id,
        name=name,
        status=status,
        version=version,
        trigger=trigger,
        entry_action_id=int(model.entry_action_id) if model.entry_action_id else None,
        actions={place.action_id: action.compile(place) for place, action in zip(places, model.actions, strict=True)},
        profile_filter=model.profile_filter.compile("flow") if model.profile_filter else EVERYBODY,
        reentry=model.reentry_criteria.compile() if model.reentry_criteria else default,
        tombstones=dict(tombstones or {}),
    )
