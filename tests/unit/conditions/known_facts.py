"""Facts and moments for tests of conditions: everything known is given by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headrace.conditions.facts import (
    Consent,
    ConsentOn,
    EventEdge,
    EventMoments,
    EventTotal,
    Happenings,
    LastEntry,
    LastSent,
    LinkedObjects,
    Moment,
    PushTokens,
    Suppression,
    Suppressions,
    Total,
)
from headrace.model import Event, Profile

NOW = datetime(2023, 6, 17, 10, 30, tzinfo=UTC)
"""The day of the reference's own examples of date arithmetic."""


def at(text: str) -> datetime:
    """Return an instant in UTC from its ISO spelling."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def moment(entered_at: datetime | None = None, *, sample_key: str = "run-1", now: datetime = NOW) -> Moment:
    """Return a moment of the test day."""
    return Moment(now, entered_at, UTC, sample_key)


@dataclass
class KnownFacts:
    """Facts held in dictionaries; a total that nobody gave is a `KeyError`, as it is in the engine."""

    profile: Profile = field(default_factory=lambda: Profile("01ABC"))
    event: Event | None = None
    moment: Moment = field(default_factory=moment)
    totals: Mapping[EventTotal, Total] = field(default_factory=dict)
    joined: Mapping[str, datetime] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    answers: Mapping[Any, Any] = field(default_factory=dict)

    def total(self, need: EventTotal) -> Total:
        """Return the total that was given for a need."""
        return self.totals[need]

    def edge(self, need: EventEdge) -> datetime | None:
        """Return the given time of an event."""
        found: datetime | None = self.answers[need]
        return found

    def happenings(self, need: EventMoments) -> Happenings:
        """Return the given events."""
        found: Happenings = self.answers[need]
        return found

    def joined_at(self, group_id: str) -> datetime | None:
        """Return the given time of joining."""
        return self.joined.get(group_id)

    def consent(self, need: ConsentOn) -> Consent | None:
        """Return the given consent."""
        found: Consent | None = self.answers[need]
        return found

    def suppressions(self) -> tuple[Suppression, ...]:
        """Return the given suppressions."""
        found: tuple[Suppression, ...] = self.answers[Suppressions()]
        return found

    def push_since(self) -> datetime | None:
        """Return the given time of a device."""
        found: datetime | None = self.answers[PushTokens()]
        return found

    def last_sent(self, need: LastSent) -> datetime | None:
        """Return the given time of a message."""
        found: datetime | None = self.answers[need]
        return found

    def last_entry(self, need: LastEntry) -> datetime | None:
        """Return the given time of an entry."""
        found: datetime | None = self.answers[need]
        return found

    def objects(self, need: LinkedObjects) -> tuple[Mapping[str, Any], ...]:
        """Return the given objects."""
        found: tuple[Mapping[str, Any], ...] = self.answers[need]
        return found


class WrittenQuery:
    """A `FactQuery` whose clauses are text, to show what a condition asks of a whole population."""

    def property(self, name: str, value_filter: Any, now: datetime) -> str:
        """Write a property test."""
        return f"property({name}, {value_filter.operator})"

    def properties(self, names: Any, test: Any) -> str:
        """Write a test in Python."""
        return f"tested({', '.join(names)})"

    def predicted(self, path: Any, value_filter: Any, now: datetime) -> str:
        """Write a prediction."""
        return f"predicted({'.'.join(path)}, {value_filter.operator})"

    def consent(self, need: Any, subscription: Any, tests: Any, now: datetime) -> str:
        """Write a consent."""
        return f"consent({int(need.channel)}/{need.purpose}, {subscription}, {[test.field for test in tests]})"

    def suppressed(self, reason: Any, value_filter: Any, now: datetime) -> str:
        """Write a suppression."""
        return f"suppressed({reason})"

    def pushable(self, value_filter: Any, now: datetime) -> str:
        """Write a device."""
        return "pushable"

    def last_sent(self, need: Any, inside: Any) -> str:
        """Write a message sent."""
        return f"last_sent({int(need.channel)}, {len(inside)})"

    def last_entry(self, need: Any, inside: Any) -> str:
        """Write an entry."""
        return f"last_entry({need.flow_id}, {len(inside)})"

    def objects(self, need: Any, filters: Any, value_filter: Any, now: datetime) -> str:
        """Write linked objects."""
        return f"objects({need.object_type_id}, {[one.property for one in filters]}, {value_filter.operator})"

    def total(self, needs: Any, measurement: str, value_filter: Any, now: datetime) -> str:
        """Write an event total."""
        return f"total({measurement} of {needs[0].metric_id} over {len(needs)} spans {value_filter.operator})"

    def member(self, need: Any, joined: Any) -> str:
        """Write a membership."""
        return f"member({','.join(need.group_ids)}, {'any time' if joined is None else len(joined)})"

    def sample(self, percentage: int, place: str, key: str) -> str:
        """Write a sample."""
        return f"sample({percentage}, {place}, {key})"

    def funnel(self, steps: Any, window: Any) -> str:
        """Write steps."""
        words = (f"{'' if taken else 'not '}{need.metric_id}" for need, taken in steps)
        return f"funnel({', '.join(words)} within {window})"

    def passing(self, need: Any, edge: Any) -> str:
        """Write when an event is passed."""
        place = f"{need.nth} from the {'end' if need.latest else 'start'}"
        return f"passing({need.metric_id} {place}, {edge.step} +{edge.offset})"

    def passing_any(self, need: Any, flips: Any, now: datetime) -> str:
        """Write when any event is passed."""
        return f"passing_any({need.metric_id})"

    def property_flip(self, name: str, flips: Any, now: datetime) -> str:
        """Write when a property's date is passed."""
        return f"property_flip({name})"

    def predicted_flip(self, path: Any, flips: Any, now: datetime) -> str:
        """Write when a predicted date is passed."""
        return f"predicted_flip({'.'.join(path)})"

    def joined_flip(self, need: Any, flips: Any, now: datetime) -> str:
        """Write when a moment of joining is passed."""
        return f"joined_flip({','.join(need.group_ids)})"

    def consent_flip(self, need: Any, subscription: Any, field: str, flips: Any, now: datetime) -> str:
        """Write when a date of a consent is passed."""
        return f"consent_flip({int(need.channel)}/{need.purpose}, {field})"

    def suppressed_flip(self, reason: Any, flips: Any, now: datetime) -> str:
        """Write when the date of a suppression is passed."""
        return f"suppressed_flip({reason})"

    def pushable_flip(self, flips: Any, now: datetime) -> str:
        """Write when the date of a device is passed."""
        return "pushable_flip"

    def last_sent_flip(self, need: Any, flips: Any, now: datetime) -> str:
        """Write when the date of the last message is passed."""
        return f"last_sent_flip({int(need.channel)})"

    def last_entry_flip(self, need: Any, flips: Any, now: datetime) -> str:
        """Write when the date of the last entry is passed."""
        return f"last_entry_flip({need.flow_id})"

    def objects_flip(self, need: Any, name: str, flips: Any, now: datetime) -> str:
        """Write when a date of an object is passed."""
        return f"objects_flip({need.object_type_id}, {name})"

    def earliest(self, moments: Any) -> str:
        """Write the earliest of some moments."""
        return f"earliest[{'; '.join(moments)}]"

    def first_known(self, moments: Any) -> str:
        """Write the first moment that is known."""
        return f"first[{'; '.join(moments)}]"

    def moment(self, given: datetime) -> str:
        """Write a moment."""
        return given.isoformat()

    def if_all(self, clauses: Any, moment: str) -> str:
        """Write a moment under conditions."""
        return f"{moment} if all[{'; '.join(clauses)}]"

    def all(self, clauses: Any) -> str:
        """Write a conjunction."""
        return f"all[{'; '.join(clauses)}]"

    def any(self, clauses: Any) -> str:
        """Write a disjunction."""
        return f"any[{'; '.join(clauses)}]"

    def negate(self, clause: str) -> str:
        """Write a negation."""
        return f"not {clause}"
