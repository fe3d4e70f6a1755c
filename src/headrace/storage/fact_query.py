"""Conditions asked of every profile of an account at once: the port `conditions.fact_query.FactQuery` in SQL.

Clauses stand over rows of `profile`. What belongs to a person is found by EXISTS or a scalar subquery that names the
person's bucket, account and id, or from a pass over all people that is joined to them (`people_query`). What is not
here: value filters (`value_clauses`), when answers change (`change_query`), the same needs for a batch of profiles
(`facts`, `fact_answers`).

Our choice: PostgreSQL's regular expressions are not RE2's, so a regular expression (and a distance) is tested in
Python: `settle` reads the distinct values, and the clause then looks for those that passed. Source: DESIGN section 2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Float,
    Numeric,
    Text,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import BIT

from headrace.conditions import CompiledFilter
from headrace.conditions.facts import (
    ConsentOn,
    ConsentTest,
    EventMoments,
    EventTotal,
    LastEntry,
    LastSent,
    LinkedObjects,
    Membership,
    Moment,
    PropertyFilter,
)
from headrace.conditions.spans import Span
from headrace.ids import share
from headrace.storage.change_query import ChangeQuery
from headrace.storage.database import Connection, Database
from headrace.storage.date_clauses import within
from headrace.storage.fact_values import consent_value, key_value, predicted_value, property_value
from headrace.storage.funnel_clauses import funnel_clause
from headrace.storage.people_query import same_person
from headrace.storage.tables import (
    consent,
    custom_object,
    event,
    membership,
    profile,
    profile_group,
    push_token,
    suppression,
)
from headrace.storage.unknown_values import MomentValue
from headrace.storage.value_clauses import (
    Bool,
    numeric_clause,
    one_of,
    storable,
    value_clause,
)


def _is_there(group_id: str) -> Bool:
    return exists(select(1).select_from(profile_group).where(profile_group.c.group_id == group_id))


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
class ProfileQuery(ChangeQuery):
    """Builds clauses over the profiles of one account, or of some buckets of it; `PeopleQuery` says how to use them."""

    def property(self, name: str, value_filter: Any, now: datetime) -> Bool:
        """Profiles whose property satisfies the value filter."""
        return value_clause(property_value(name), value_filter, now, self._decide_of(profile))

    def properties(self, names: Sequence[str], test: Callable[[Sequence[str | None]], bool]) -> Bool:
        """Profiles of whose properties, read as text, a test in Python holds."""
        together = cast(func.jsonb_build_array(*(property_value(name).text for name in names)), Text)
        return self._decide(together, lambda text: test(json.loads(text)), profile)

    def predicted(self, path: Sequence[str], value_filter: Any, now: datetime) -> Bool:
        """Profiles with a stored prediction at the path that satisfies the value filter."""
        value = predicted_value(path)
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
        found = self._counted(needs) if measurement == "count" else None
        if found is None:
            measure = func.count() if measurement == "count" else func.coalesce(func.sum(event.c.value), 0)
            answer = numeric_clause(cast(measure, Numeric), value_filter)
            counts = true() if need.without is None else event.c.number != need.without
            inside = [(one.since, one.until) for one in needs]
            every = self._of_all(need.metric_id, inside, need.filters).where(counts)
            found = self._beforehand(every.having(~answer if empty else answer))
            asked: Bool = true()
        else:
            answer = numeric_clause(cast(found.c.count, Numeric), value_filter)
            asked = ~answer if empty else answer
        differs = exists(select(1).select_from(found).where(same_person(found), asked).correlate(profile))
        return ~differs if empty else differs

    def _counted(self, needs: Sequence[EventTotal]) -> CTE | None:
        """Return the events of these needs where the statement counts them already, to tell when that changes."""
        need = needs[0]
        key = need.metric_id, tuple((one.since, one.until) for one in needs), need.filters
        return self.counted.get(key) if need.without is None else None

    def member(self, need: Membership, joined: Sequence[Span] | None) -> Bool:
        """Profiles that are members of any of the groups, joined within one of the spans where any are given.

        Nobody is in a group that is gone, though a job may not have taken everybody out of it yet.
        """
        return self._exists(
            membership,
            membership.c.group_id == one_of(need.group_ids),
            *(or_(membership.c.group_id != one, _is_there(one)) for one in need.group_ids if storable(one)),
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
            *(value_clause(consent_value(test.field), test.filter, now, decide) for test in tests),
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
            value_clause(key_value(custom_object.c.properties, one.property), one.filter, now, decide)
            for one in filters
        )
        counted = self._one(select(func.count()).select_from(custom_object).where(*about, *tests), custom_object)
        return numeric_clause(cast(counted, Numeric), value_filter)

    def funnel(self, steps: Sequence[tuple[EventMoments, bool]], window: timedelta | None) -> Bool:
        """Profiles whose events pass through the steps as `conditions.profile_metric_funnel` says."""
        return funnel_clause(steps, window, self._events)

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
