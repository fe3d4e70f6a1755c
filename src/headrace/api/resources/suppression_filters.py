"""Filters and sorts of people by what keeps marketing e-mail from them, everywhere or on one list.

What is not here: showing it (`profile_fields`). All that a filter says of suppressions is said of one of them: with a
reason and a date, it is the suppression for that reason that has the date. Having unsubscribed from everything, a state
of consent, is one of the reasons. Source: the description of the operation that lists profiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, true

from headrace.jsonapi.clauses import clause
from headrace.jsonapi.filter_rules import BOUNDS, Filterable
from headrace.jsonapi.filters import Comparison, Filter
from headrace.jsonapi.query import Sortable
from headrace.model import Channel
from headrace.storage import tables as t
from headrace.storage.consents import UNSUBSCRIBED, Purpose
from headrace.storage.suppressions import EVERYWHERE, Reason

GLOBAL = "subscriptions.email.marketing.suppression"
ON_LIST = "subscriptions.email.marketing.list_suppressions"

_ROW, _CONSENT = t.suppression.c, t.consent.c
_OF_ROWS = {
    "reason": Filterable("string", ("equals",), _ROW.reason),
    "timestamp": Filterable("datetime", tuple(sorted(BOUNDS)), _ROW.at),
    "list_id": Filterable("string", ("equals",), _ROW.list_id),
}
_OF_CONSENT = {
    "reason": Filterable("string", ("equals",), literal(Reason.UNSUBSCRIBE.value)),
    "timestamp": Filterable("datetime", tuple(sorted(BOUNDS)), _CONSENT.changed_at),
}


def _decided_together(_: Any, __: Comparison) -> ColumnElement[bool]:
    """Hold nothing against anybody: `suppressed` takes all comparisons of one kind together."""
    return true()


def _listed(operators: Sequence[str], *, dated: bool = False) -> Filterable:
    return Filterable("datetime" if dated else "string", tuple(operators), clause=_decided_together)


FILTERS = {
    f"{GLOBAL}.reason": Filterable("enum", ("equals",), values=tuple(Reason), clause=_decided_together),
    f"{GLOBAL}.timestamp": _listed(sorted(BOUNDS), dated=True),
    f"{ON_LIST}.reason": _listed(["equals"]),
    f"{ON_LIST}.timestamp": _listed(sorted(BOUNDS), dated=True),
    f"{ON_LIST}.list_id": _listed(["equals"]),
}


def _own(table: Any) -> ColumnElement[bool]:
    return and_(
        table.c.bucket == t.profile.c.bucket,
        table.c.account_id == t.profile.c.account_id,
        table.c.profile_id == t.profile.c.profile_id,
    )


_EVERYWHERE = and_(_own(t.suppression), _ROW.list_id == EVERYWHERE)
_SOMEWHERE = and_(_own(t.suppression), _ROW.list_id != EVERYWHERE)
_GONE = and_(
    _own(t.consent),
    _CONSENT.channel == int(Channel.EMAIL),
    _CONSENT.purpose == int(Purpose.MARKETING),
    _CONSENT.subscription == UNSUBSCRIBED,
)


def suppressed(statement: Select[Any], asked: Filter) -> Select[Any]:
    """Narrow profiles to those with a suppression of which all that a filter says of suppressions is true."""
    everywhere, lists = _about(GLOBAL, asked), _about(ON_LIST, asked)
    if everywhere:
        rows = _exists(_EVERYWHERE, [clause(one, _OF_ROWS[one.field]) for one in everywhere])
        gone = _exists(_GONE, [clause(one, _OF_CONSENT[one.field]) for one in everywhere])
        statement = statement.where(or_(rows, gone))
    if lists:
        statement = statement.where(_exists(_SOMEWHERE, [clause(one, _OF_ROWS[one.field]) for one in lists]))
    return statement


def _about(path: str, asked: Filter) -> list[Comparison]:
    own = f"{path}."
    return [Comparison(one.operator, one.field[len(own) :], one.value) for one in asked if one.field.startswith(own)]


def _exists(own: ColumnElement[bool], conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    return select(literal(1)).where(own, *conditions).correlate(t.profile).exists()


def _latest(column: ColumnElement[Any], own: ColumnElement[bool]) -> Any:
    return select(func.max(column)).where(own).correlate(t.profile).scalar_subquery()


SORTS = {
    f"{GLOBAL}.timestamp": Sortable(
        func.greatest(_latest(_ROW.at, _EVERYWHERE), _latest(_CONSENT.changed_at, _GONE), type_=_ROW.at.type),
        dated=True,
    ),
    f"{ON_LIST}.timestamp": Sortable(_latest(_ROW.at, _SOMEWHERE), dated=True),
}
"""By the latest suppression; whoever has none comes last."""
