"""Conditions asked of every profile of an account at once: the port `conditions.facts.FactQuery` in SQL.

Clauses stand over rows of `profile`. What belongs to a person is found by EXISTS or a scalar subquery that names the
person's bucket, account and id. What is not here: value filters (`value_clauses`), the same needs for a batch of
profiles (`facts`, `fact_answers`).

Our choice: PostgreSQL's regular expressions are not RE2's, so a regular expression (and a distance) is tested in
Python: `settle` reads the distinct values, and the clause then looks for those that passed. Source: DESIGN section 2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Float,
    FromClause,
    Numeric,
    Select,
    SmallInteger,
    Subquery,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import BIT, JSONB, aggregate_order_by

from headrace.conditions import CompiledFilter
from headrace.conditions.facts import (
    ConsentOn,
    ConsentTest,
    EventEdge,
    EventMoments,
    EventTotal,
    LastEntry,
    LastSent,
    LinkedObjects,
    Membership,
    Moment,
    PropertyFilter,
)
from headrace.conditions.flips import Edge, Flips
from headrace.conditions.profile_property import located
from headrace.conditions.spans import FIRST, Span
from headrace.ids import share
from headrace.storage.database import Connection, Database
from headrace.storage.date_clauses import within
from headrace.storage.flip_clauses import NEVER, Timestamp, earliest, flip_clause, passes
from headrace.storage.funnel_clauses import funnel_clause
from headrace.storage.tables import (
    consent,
    custom_object,
    delivery,
    event,
    membership,
    profile,
    push_token,
    run,
    suppression,
)
from headrace.storage.unknown_values import MomentValue, TextValue, Value
from headrace.storage.value_clauses import (
    Bool,
    numeric_clause,
    one_of,
    storable,
    value_clause,
)

Moments = ColumnElement[Any]
MOMENTS = frozenset(("created_at", "updated_at", "last_event_at"))
CONSENT_FLAGS = frozenset(("double_opt_in", "rcs_capable"))


async def matching(
    connection: Connection | Database,
    account_id: str,
    condition: CompiledFilter,
    moment: Moment,
    *,
    buckets: Collection[int] | None = None,
) -> list[str]:
    """Return the ids of the account's profiles for which a compiled filter holds, in order.

    With `buckets` only people in these are looked at.
    """
    query = ProfileQuery(account_id, buckets)
    clause = condition.where(query, moment)
    await query.settle(connection)
    rows = await connection.fetch(
        select(profile.c.profile_id)
        .select_from(query.people)
        .where(query.asked(profile), clause)
        .order_by(profile.c.profile_id.collate("C"))
    )
    return [row["profile_id"] for row in rows]


@dataclass(slots=True)
class Undecided:
    """Texts that Python tests before the query runs: where they are, the test, and those that passed."""

    texts: Select[Any]
    test: Callable[[str], bool]
    passed: list[str] | None = None

    def found(self) -> list[str]:
        """Return the texts that passed; raises `RuntimeError` before `settle`."""
        if self.passed is None:
            raise RuntimeError("the query was not settled: some texts are still to be tested")
        return self.passed


@dataclass(slots=True)
class ProfileQuery:
    """Builds clauses over the profiles of one account, or of some buckets of it.

    A statement must be made FROM `people` and WHERE `asked`, and `settle` be called before it is run.
    """

    account_id: str
    buckets: Collection[int] | None = None
    undecided: list[Undecided] = field(default_factory=list)
    joined: list[Subquery] = field(default_factory=list)

    @property
    def people(self) -> FromClause:
        """The profiles, together with what the clauses look up about all of them at once."""
        found: FromClause = profile
        for one in self.joined:
            found = found.outerjoin(one, _same_person(one))
        return found

    def asked(self, table: Any) -> Bool:
        """Return the clause that a row of a table belongs to somebody who is asked about."""
        own: Bool = table.c.account_id == self.account_id
        if self.buckets is None:
            return own
        return and_(table.c.bucket == any_(literal(sorted(self.buckets), ARRAY(SmallInteger))), own)

    async def settle(self, connection: Connection | Database) -> None:
        """Test what only Python can test, one query for each."""
        for one in self.undecided:
            if one.passed is None:
                rows = await connection.fetch(one.texts)
                one.passed = [row["value"] for row in rows if row["value"] is not None and one.test(row["value"])]

    def property(self, name: str, value_filter: Any, now: datetime) -> Bool:
        """Profiles whose property satisfies the value filter."""
        return value_clause(_property(name), value_filter, now, self._decide_of(profile))

    def properties(self, names: Sequence[str], test: Callable[[Sequence[str | None]], bool]) -> Bool:
        """Profiles of whose properties, read as text, a test in Python holds."""
        together = cast(func.jsonb_build_array(*(_property(name).text for name in names)), Text)
        return self._decide(together, lambda text: test(json.loads(text)), profile)

    def predicted(self, path: Sequence[str], value_filter: Any, now: datetime) -> Bool:
        """Profiles with a stored prediction at the path that satisfies the value filter."""
        value = _predicted(path)
        return and_(
            value_clause(value, None, now, self._decide_of(profile)),
            value_clause(value, value_filter, now, self._decide_of(profile)),
        )

    def total(self, needs: Sequence[EventTotal], measurement: str, value_filter: Any, now: datetime) -> Bool:
        """Profiles whose totals over these disjoint spans together satisfy the numeric filter.

        Events are totalled for all people at once, and those looked for whose answer differs from that of people
        without events: the database may then read either side first.
        """
        need, empty = needs[0], value_filter.matches(0, now)
        measure = func.count() if measurement == "count" else func.coalesce(func.sum(event.c.value), 0)
        answer = numeric_clause(cast(measure, Numeric), value_filter)
        found = (
            self._of_all(need.metric_id, [(one.since, one.until) for one in needs], need.filters)
            .where(true() if need.without is None else event.c.number != need.without)
            .having(~answer if empty else answer)
            .subquery()
        )
        differs = exists(select(1).select_from(found).where(_same_person(found)).correlate(profile))
        return ~differs if empty else differs

    def member(self, need: Membership, joined: Sequence[Span] | None) -> Bool:
        """Profiles that are members of any of the groups, joined within one of the spans where any are given."""
        return self._exists(
            membership,
            membership.c.group_id == one_of(need.group_ids),
            true() if joined is None else within(membership.c.joined_at, joined),
        )

    def consent(self, need: ConsentOn, subscription: str | None, tests: Sequence[ConsentTest], now: datetime) -> Bool:
        """Profiles with a consent of the subscription (any for None) that passes every test."""
        decide = self._decide_of(consent)
        return self._exists(
            consent,
            consent.c.channel == int(need.channel),
            consent.c.purpose == need.purpose,
            true() if subscription is None else consent.c.subscription == subscription,
            *(value_clause(_consent_value(test.field), test.filter, now, decide) for test in tests),
        )

    def suppressed(self, reason: str | None, value_filter: Any, now: datetime) -> Bool:
        """Profiles that get no e-mail for the reason (any for None)."""
        return self._exists(
            suppression,
            suppression.c.list_id == "",
            true() if reason is None else suppression.c.reason == reason,
            value_clause(MomentValue(suppression.c.at), value_filter, now, self._decide_of(suppression)),
        )

    def pushable(self, value_filter: Any, now: datetime) -> Bool:
        """Profiles with an enabled device, since when satisfies the filter (any for None)."""
        since = self._one(select(func.min(push_token.c.created_at)).where(push_token.c.enabled), push_token)
        return value_clause(MomentValue(since), value_filter, now, self._decide_of(push_token))

    def last_sent(self, need: LastSent, inside: Sequence[Span]) -> Bool:
        """Profiles whose last message of the channel was sent within one of the spans."""
        return func.coalesce(within(self._last_sent(need), inside), False)

    def last_entry(self, need: LastEntry, inside: Sequence[Span]) -> Bool:
        """Profiles that last entered the flow within one of the spans."""
        return func.coalesce(within(self._last_entry(need), inside), False)

    def objects(self, need: LinkedObjects, filters: Sequence[PropertyFilter], value_filter: Any, now: datetime) -> Bool:
        """Profiles whose number of linked objects that pass every filter satisfies the numeric filter."""
        about = (
            custom_object.c.object_type_id == need.object_type_id,
            custom_object.c.relationship_id == need.relationship_id,
        )
        decide = self._decide_of(custom_object, *about)
        tests = (
            value_clause(_key(custom_object.c.properties, one.property), one.filter, now, decide) for one in filters
        )
        counted = self._one(select(func.count()).select_from(custom_object).where(*about, *tests), custom_object)
        return numeric_clause(cast(counted, Numeric), value_filter)

    def funnel(self, steps: Sequence[tuple[EventMoments, bool]], window: timedelta | None) -> Bool:
        """Profiles whose events pass through the steps as `conditions.profile_metric_funnel` says."""
        return funnel_clause(steps, window, self._events)

    def passing(self, need: EventEdge, edge: Edge) -> Moments:
        """The moment at which an edge passes the event that a need finds; NULL without one."""
        first = func.max(event.c.occurred_at) if need.latest else func.min(event.c.occurred_at)
        at = first if need.nth == 1 else _nth(need.nth, latest=need.latest)
        found = self._of_all(need.metric_id, [(need.since, need.until)], need.filters).add_columns(at.label("at"))
        if need.nth > 1:
            found = found.having(func.count() >= need.nth)
        self.joined.append(found.subquery())
        return passes(self.joined[-1].c.at, edge)

    def passing_any(self, need: EventMoments, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes one of the events that a need finds; NULL without one."""
        first = func.min(flip_clause(event.c.occurred_at, flips, now)).label("at")
        found = self._of_all(need.metric_id, [(need.since, need.until)], need.filters).add_columns(first)
        self.joined.append(found.subquery())
        return self.joined[-1].c.at

    def property_flip(self, name: str, flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes the date of a property; NULL without one."""
        return flip_clause(_property(name).moment, flips, now)

    def predicted_flip(self, path: Sequence[str], flips: Flips, now: datetime) -> Moments:
        """The first moment after now at which an edge passes a predicted date; NULL without one."""
        return flip_clause(_predicted(path).moment, flips, now)

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
            _consent_value(field).moment,
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
            _key(custom_object.c.properties, name).moment,
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
        """A moment where every clause holds, else NULL."""
        chosen: Moments = case((and_(*clauses), moment), else_=NEVER)
        return chosen

    def sample(self, percentage: int, place: str, key: str) -> Bool:
        """The share of profiles that a sample at a place draws, by `key` or, where that is empty, by their ids."""
        if key:
            return true() if share(key, place) * 100 < percentage else false()
        named = func.convert_to(profile.c.profile_id + f"|{place}", "UTF8")
        digits = func.left(func.encode(func.sha256(named), "hex"), 13)
        drawn = cast(cast(cast("x" + digits, BIT(52)), BigInteger), Float(53)) / literal(2.0**52, Float(53))
        return drawn * literal(100.0, Float(53)) < literal(float(percentage), Float(53))

    def all(self, clauses: Sequence[Bool]) -> Bool:
        """Every clause holds; true for none."""
        return and_(true(), *clauses)

    def any(self, clauses: Sequence[Bool]) -> Bool:
        """At least one clause holds; false for none."""
        return or_(false(), *clauses)

    def negate(self, clause: Bool) -> Bool:
        """The clause does not hold."""
        return ~clause

    def _last_sent(self, need: LastSent) -> Moments:
        last = select(func.max(delivery.c.sent_at)).where(delivery.c.channel == int(need.channel))
        return self._one(last, delivery)

    def _last_entry(self, need: LastEntry) -> Moments:
        last = select(func.max(run.c.entered_at)).where(run.c.flow_id == need.flow_id)
        if need.before is not None:
            last = last.where(run.c.entered_at < literal(need.before))
        return self._one(last, run)

    def _events(self, need: EventMoments, table: Any) -> Select[Any]:
        """Return the profile's events in question, read from an alias of the table."""
        span = [(need.since, need.until)]
        return select(table.c.number).where(self._own(table), self._about(need.metric_id, span, need.filters, table))

    def _of_all(self, metric_id: str, inside: Sequence[Span], filters: Sequence[PropertyFilter]) -> Select[Any]:
        """Return everybody's events in question, a row for each person."""
        person = event.c.bucket, event.c.profile_id
        return select(*person).where(self.asked(event), self._about(metric_id, inside, filters)).group_by(*person)

    def _about(
        self, metric_id: str, inside: Sequence[Span], filters: Sequence[PropertyFilter], table: Any = event
    ) -> Bool:
        """Return the clause that an event is of a metric, in one of the spans and passes the filters."""
        decide = self._decide_of(table, table.c.metric_id == metric_id)
        tests = (value_clause(_event_value(one.property, table), one.filter, FIRST, decide) for one in filters)
        return and_(table.c.metric_id == metric_id, within(table.c.occurred_at, inside), *tests)

    def _first_flip(self, table: Table, date: Moments, flips: Flips, now: datetime, *clauses: Bool) -> Moments:
        """Return the first moment after now at which an edge passes a date of the profile's rows."""
        return self._one(select(func.min(flip_clause(date, flips, now))).where(*clauses), table)

    def _own(self, table: Table) -> Bool:
        """Return the clause that a row belongs to the profile at hand."""
        return and_(
            table.c.bucket == profile.c.bucket,
            table.c.account_id == self.account_id,
            table.c.profile_id == profile.c.profile_id,
        )

    def _exists(self, table: Table, *clauses: Bool) -> Bool:
        return exists(select(1).select_from(table).where(self._own(table), *clauses).correlate(profile))

    def _one(self, query: Select[Any], table: Table) -> ColumnElement[Any]:
        return query.where(self._own(table)).correlate(profile).scalar_subquery()

    def _decide_of(self, table: Table, *clauses: Bool) -> Callable[[ColumnElement[Any], Callable[[str], bool]], Bool]:
        return lambda text, test: self._decide(text, test, table, *clauses)

    def _decide(self, text: ColumnElement[Any], test: Callable[[str], bool], table: Table, *clauses: Bool) -> Bool:
        """Return the clause that a text over a table's rows passes a test in Python."""
        texts = select(text.label("value")).select_from(table).where(table.c.account_id == self.account_id, *clauses)
        one = Undecided(texts.distinct(), test)
        self.undecided.append(one)
        passed = bindparam(None, callable_=one.found, type_=ARRAY(Text), unique=True)
        return func.coalesce(text == any_(passed), False)


def _property(name: str) -> Value:
    kind, key = located(name)
    if kind == "field":
        column = profile.c[key]
        return MomentValue(column) if key in MOMENTS else TextValue(column)
    return _key(profile.c.location if kind == "location" else profile.c.properties, key)


def _same_person(found: Any) -> Bool:
    return and_(found.c.bucket == profile.c.bucket, found.c.profile_id == profile.c.profile_id)


def _nth(nth: int, *, latest: bool) -> ColumnElement[Any]:
    """Return when the nth event of a person occurred."""
    order = event.c.occurred_at.desc() if latest else event.c.occurred_at
    ordered = func.array_agg(aggregate_order_by(event.c.occurred_at, order), type_=ARRAY(Timestamp))
    return ordered[nth]


def _predicted(path: Sequence[str]) -> Value:
    found: ColumnElement[Any] = profile.c.predictive
    for key in path:
        found = _at(found, key)
    return Value(found)


def _key(holder: ColumnElement[Any], key: str) -> Value:
    return Value(_at(holder, key), holder.op("->>", return_type=Text())(key) if storable(key) else None)


def _at(holder: ColumnElement[Any], key: str) -> ColumnElement[Any]:
    """Return what a jsonb object holds under a key, NULL for a key that no object can have."""
    return holder.op("->", return_type=JSONB())(key) if storable(key) else cast(null(), JSONB)


def _event_value(name: str, table: Any = event) -> Value:
    found = _key(table.c.properties, name)
    return Value(func.coalesce(func.to_jsonb(table.c.value), found.json)) if name == "$value" else found


def _consent_value(name: str) -> Value:
    if name == "written_at":
        return MomentValue(func.coalesce(consent.c.recorded_at, consent.c.changed_at))
    if name == "changed_at":
        return MomentValue(consent.c.changed_at)
    column = consent.c[name]
    return Value(func.to_jsonb(column)) if name in CONSENT_FLAGS else TextValue(column)
