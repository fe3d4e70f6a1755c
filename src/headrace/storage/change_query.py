"""When time alone changes what conditions answer, of every profile of an account: half of the port `FactQuery`.

Moments are `timestamptz` expressions over `PeopleQuery.people`, NULL for never. Source: DESIGN section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Table,
    and_,
    case,
    func,
    literal,
    select,
    true,
)

from headrace.conditions.facts import (
    ConsentOn,
    EventEdge,
    EventMoments,
    LastEntry,
    LastSent,
    LinkedObjects,
    Membership,
)
from headrace.conditions.flips import Edge, Flips
from headrace.storage.fact_values import consent_value, key_value, predicted_value, property_value
from headrace.storage.flip_clauses import NEVER, Timestamp, earliest, flip_clause, passes
from headrace.storage.people_query import Moments, PeopleQuery
from headrace.storage.tables import (
    consent,
    custom_object,
    event,
    membership,
    push_token,
    suppression,
)
from headrace.storage.value_clauses import (
    Bool,
    one_of,
)


@dataclass(slots=True)
class ChangeQuery(PeopleQuery):
    """Builds moments."""

    def passing(self, need: EventEdge, edge: Edge) -> Moments:
        """The moment at which an edge passes the event that a need finds; NULL without one."""
        first = func.max(event.c.occurred_at) if need.latest else func.min(event.c.occurred_at)
        at = first if need.nth == 1 else func.array_agg(event.c.occurred_at, type_=ARRAY(Timestamp))
        span = (need.since, need.until)
        columns = func.count().label("count"), at.label("at")
        found = self._beforehand(self._of_all(need.metric_id, [span], need.filters).add_columns(*columns))
        self.joined.append(found)
        self.counted[need.metric_id, (span,), need.filters] = found
        return passes(found.c.at if need.nth == 1 else _nth(found, need.nth, latest=need.latest), edge)

    def passing_any(self, need: EventMoments, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes one of the events that a need finds; NULL without one."""
        first = func.min(flip_clause(event.c.occurred_at, flips, now)).label("at")
        found = self._of_all(need.metric_id, [(need.since, need.until)], need.filters).add_columns(first)
        self.joined.append(found.subquery())
        return self.joined[-1].c.at

    def property_flip(self, name: str, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes the date of a property; NULL without one."""
        return flip_clause(property_value(name).moment, flips, now)

    def predicted_flip(self, path: Sequence[str], flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes a predicted date; NULL without one."""
        return flip_clause(predicted_value(path).moment, flips, now)

    def joined_flip(self, need: Membership, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes a moment of joining; NULL without one."""
        asked = membership.c.group_id == one_of(need.group_ids)
        return self._first_flip(membership, membership.c.joined_at, flips, now, asked)

    def consent_flip(
        self, need: ConsentOn, subscription: str | None, field: str, flips: Flips, now: datetime
    ) -> Moments:
        """The first moment after now at which an edge passes a date of a consent; NULL without one."""
        return self._first_flip(
            consent,
            consent_value(field).moment,
            flips,
            now,
            consent.c.channel == int(need.channel),
            consent.c.purpose == need.purpose,
            true() if subscription is None else consent.c.subscription == subscription,
        )

    def suppressed_flip(self, reason: str | None, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes the date of a suppression; NULL without one."""
        asked = true() if reason is None else suppression.c.reason == reason
        return self._first_flip(suppression, suppression.c.at, flips, now, suppression.c.list_id == "", asked)

    def pushable_flip(self, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes the date of the first device; NULL without one."""
        since = self._one(select(func.min(push_token.c.created_at)).where(push_token.c.enabled), push_token)
        return flip_clause(since, flips, now)

    def last_sent_flip(self, need: LastSent, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes the date of the last message; NULL without one."""
        return flip_clause(self._last_sent(need), flips, now)

    def last_entry_flip(self, need: LastEntry, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes the date of the last entry; NULL without one."""
        return flip_clause(self._last_entry(need), flips, now)

    def objects_flip(self, need: LinkedObjects, name: str, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes the date of a property of an object; NULL without one."""
        return self._first_flip(
            custom_object,
            key_value(custom_object.c.properties, name).moment,
            flips,
            now,
            custom_object.c.object_type_id == need.object_type_id,
            custom_object.c.relationship_id == need.relationship_id,
        )

    def earliest(self, moments: Sequence[Moments]) -> Moments:
        """The earliest of some moments, NULL where all are."""
        return earliest(moments)

    def first_known(self, moments: Sequence[Moments]) -> Moments:
        """The first of some moments that is not NULL."""
        return func.coalesce(*moments, type_=Timestamp)

    def moment(self, given: datetime) -> Moments:
        """The same moment for every profile."""
        return literal(given, Timestamp)

    def if_all(self, clauses: Sequence[Bool], moment: Moments) -> Moments:
        """A moment where every clause holds, else NULL; where rows may be `narrowing`, those that remain have it."""
        if self.narrowing is not None:
            self.narrowing += clauses
            return moment
        chosen: Moments = case((and_(*clauses), moment), else_=NEVER)
        return chosen

    def _first_flip(self, table: Table, date: Moments, flips: Flips, now: datetime, *clauses: Bool) -> Moments:
        """Return the first moment after now at which an edge passes a date of the profile's rows."""
        return self._one(select(func.min(flip_clause(date, flips, now))).where(*clauses), table)


def _nth(found: CTE, nth: int, *, latest: bool) -> ColumnElement[Any]:
    """Return when the nth of a person's events occurred, of all that were found.

    They are put in order for those people only who are asked about, which spares sorting all events.
    """
    at = func.unnest(found.c.at, type_=Timestamp).column_valued()
    order = at.desc() if latest else at.asc()
    return select(at).order_by(order).offset(nth - 1).limit(1).correlate(found).scalar_subquery()
