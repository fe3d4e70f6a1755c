"""What one more event can do to an answer, told from the event and the definition alone.

An event that passes no filter changes nothing; one more of what there must be enough of never makes a condition false,
one more of what there must be few of never makes it true, at this moment or at any later one. Groups are joined by AND
and conditions by OR, so that the same goes for the whole filter. Whoever keeps answers up to date may leave alone those
that an event cannot change. What is not here: which segments ask about an event at all (`topics`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from headrace.conditions.event_property import passes
from headrace.conditions.facts import PropertyFilter
from headrace.conditions.groups import CompiledFilter
from headrace.conditions.profile_metric import CompiledProfileMetric
from headrace.conditions.topics import EVERYTHING, of_field, of_metric
from headrace.model import Event

MORE = frozenset(("greater-than", "greater-than-or-equal"))
LESS = frozenset(("less-than", "less-than-or-equal"))
LAST_EVENT = of_field("last_event_at")
"""The topic that every accepted event touches."""


class Effect:
    """What may become of an answer: nothing, that it becomes true, that it becomes false, or either.

    Plain numbers, joined by `|` and `&`: every event of every batch is judged by them.
    """

    NOTHING: Final = 0
    TRUE: Final = 1
    FALSE: Final = 2
    ANY: Final = 3


class Concern(NamedTuple):
    """A condition that counts events: which of them, and what one of a value that is not negative, or is, can do."""

    filters: tuple[PropertyFilter, ...]
    grown: int
    shrunk: int


Watching = tuple[Concern, ...] | None
"""The conditions that count events of a metric; None where the filter asks about them in another way, too."""


def watching(condition: CompiledFilter, metric_id: str) -> Watching:
    """Return what of a filter one more event of a metric concerns."""
    asked = frozenset((of_metric(metric_id), LAST_EVENT, EVERYTHING))
    found: list[Concern] = []
    for one in (one for group in condition.groups for one in group):
        if isinstance(one, CompiledProfileMetric):
            found += [_concern(one)] if one.metric_id == metric_id else []
        elif not asked.isdisjoint(one.topics()):
            return None
    return tuple(found)


def effect_of(concerned: Watching, event: Event, now: datetime) -> int:
    """Return what an event can do to the answer of a filter, of which `watching` has told what it concerns."""
    if concerned is None:
        return Effect.ANY
    found: int = Effect.NOTHING
    for filters, grown, shrunk in concerned:
        if not filters or passes(event.properties, event.value, filters, now):
            found |= shrunk if event.value is not None and event.value < 0 else grown
    return found


def _concern(one: CompiledProfileMetric) -> Concern:
    return Concern(one.filters, _effect(one, grows=True), _effect(one, grows=one.measurement == "count"))


def _effect(one: CompiledProfileMetric, *, grows: bool) -> int:
    """Tell a total that grows from one that shrinks, by a negative value, and what is asked of it."""
    operator, number = one.value_filter.operator, one.value_filter.value
    if one.measurement == "count" and number == 0 and operator in ("equals", "not-equals"):
        return Effect.FALSE if operator == "equals" else Effect.TRUE
    if operator in MORE:
        return Effect.TRUE if grows else Effect.FALSE
    if operator in LESS:
        return Effect.FALSE if grows else Effect.TRUE
    return Effect.ANY
