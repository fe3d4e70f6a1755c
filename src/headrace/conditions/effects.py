"""What one more event can do to an answer, told from the event and the definition alone.

An event that passes no filter changes nothing; one more of what there must be enough of never makes a condition false,
one more of what there must be few of never makes it true, at this moment or at any later one. Groups are joined by AND
and conditions by OR, so that the same goes for the whole filter. Whoever keeps answers up to date may leave alone those
that an event cannot change. What is not here: which segments ask about an event at all (`topics`).
"""

from __future__ import annotations

from datetime import datetime
from enum import Flag

from headrace.conditions.event_property import value_of
from headrace.conditions.facts import PropertyFilter
from headrace.conditions.groups import CompiledFilter
from headrace.conditions.profile_metric import CompiledProfileMetric
from headrace.conditions.topics import EVERYTHING, of_field, of_metric
from headrace.model import Event

MORE = frozenset(("greater-than", "greater-than-or-equal"))
LESS = frozenset(("less-than", "less-than-or-equal"))
LAST_EVENT = of_field("last_event_at")
"""The topic that every accepted event touches."""


class Effect(Flag):
    """What may become of an answer: nothing, that it becomes true, that it becomes false, or either."""

    NOTHING = 0
    TRUE = 1
    FALSE = 2
    ANY = 3


Watching = tuple[CompiledProfileMetric, ...] | None
"""The conditions that count events of a metric; None where the filter asks about them in another way, too."""


def watching(condition: CompiledFilter, metric_id: str) -> Watching:
    """Return what of a filter one more event of a metric concerns."""
    asked = frozenset((of_metric(metric_id), LAST_EVENT, EVERYTHING))
    found: list[CompiledProfileMetric] = []
    for one in (one for group in condition.groups for one in group):
        if isinstance(one, CompiledProfileMetric):
            found += [one] if one.metric_id == metric_id else []
        elif not asked.isdisjoint(one.topics()):
            return None
    return tuple(found)


def effect_of(concerned: Watching, event: Event, now: datetime) -> Effect:
    """Return what an event can do to the answer of a filter, of which `watching` has told what it concerns."""
    if concerned is None:
        return Effect.ANY
    found = Effect.NOTHING
    for one in concerned:
        if found is not Effect.ANY and all(_passes(event, asked, now) for asked in one.filters):
            found |= _effect(one, event)
    return found


def _passes(event: Event, asked: PropertyFilter, now: datetime) -> bool:
    value = value_of(event, asked.property)
    return value is not None if asked.filter is None else bool(asked.filter.matches(value, now))


def _effect(one: CompiledProfileMetric, event: Event) -> Effect:
    """Tell a total that grows from one that shrinks, by a negative value, and what is asked of it."""
    grows = one.measurement == "count" or (event.value or 0) >= 0
    operator, number = one.value_filter.operator, one.value_filter.value
    if one.measurement == "count" and number == 0 and operator in ("equals", "not-equals"):
        return Effect.FALSE if operator == "equals" else Effect.TRUE
    if operator in MORE:
        return Effect.TRUE if grows else Effect.FALSE
    if operator in LESS:
        return Effect.FALSE if grows else Effect.TRUE
    return Effect.ANY
