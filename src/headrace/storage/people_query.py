"""The people of an account about whom a query asks, and what belongs to them: the ground that clauses stand on.

What is not here: the clauses (`fact_query`, `change_query`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    FromClause,
    Select,
    SmallInteger,
    Subquery,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    exists,
    func,
    literal,
    select,
)

from headrace.conditions.facts import (
    EventMoments,
    LastEntry,
    LastSent,
    PropertyFilter,
)
from headrace.conditions.spans import FIRST, Span
from headrace.storage.database import Connection, Database
from headrace.storage.date_clauses import within
from headrace.storage.fact_values import event_value
from headrace.storage.tables import (
    delivery,
    event,
    profile,
    run,
)
from headrace.storage.value_clauses import (
    Bool,
    value_clause,
)

CountKey = tuple[str, tuple[Span, ...], tuple[PropertyFilter, ...]]
"""What a count is of: the metric, the spans and the filters of events."""
Moments = ColumnElement[Any]
"""A `timestamptz` expression, NULL for never."""


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
class PeopleQuery:
    """Builds clauses over the profiles of one account, or of some buckets of it.

    A statement must be made FROM `people` and WHERE `asked`, and `settle` be called before it is run. Where `narrowing`
    is a list, clauses without which there is no answer may be added to it, and the statement must ask for them, too.
    """

    account_id: str
    buckets: Collection[int] | None = None
    undecided: list[Undecided] = field(default_factory=list)
    joined: list[CTE | Subquery] = field(default_factory=list)
    counted: dict[CountKey, CTE] = field(default_factory=dict)
    narrowing: list[ColumnElement[bool]] | None = None

    @property
    def people(self) -> FromClause:
        """The profiles, together with what the clauses look up about all of them at once."""
        found: FromClause = profile
        for one in self.joined:
            found = found.outerjoin(one, same_person(one))
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

    def _beforehand(self, found: Select[Any]) -> CTE:
        """Return what is worked out before the rest of the statement.

        Processes that share the rest would each work it out by themselves, were it not for MATERIALIZED.
        """
        return found.cte().prefix_with("MATERIALIZED")

    def _about(
        self, metric_id: str, inside: Sequence[Span], filters: Sequence[PropertyFilter], table: Any = event
    ) -> Bool:
        """Return the clause that an event is of a metric, in one of the spans and passes the filters."""
        decide = self._decide_of(table, table.c.metric_id == metric_id)
        tests = (value_clause(event_value(one.property, table), one.filter, FIRST, decide) for one in filters)
        return and_(table.c.metric_id == metric_id, within(table.c.occurred_at, inside), *tests)

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
        texts = select(text.label("value")).select_from(table).where(self.asked(table), *clauses)
        one = Undecided(texts.distinct(), test)
        self.undecided.append(one)
        passed = bindparam(None, callable_=one.found, type_=ARRAY(Text), unique=True)
        return func.coalesce(text == any_(passed), False)


def same_person(found: Any) -> Bool:
    """Return the clause that a row is about the profile at hand."""
    return and_(found.c.bucket == profile.c.bucket, found.c.profile_id == profile.c.profile_id)
