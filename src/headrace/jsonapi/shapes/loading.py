"""What the shapes share: fetching one row, a page, and the related rows of a page.

What is here: statements made from the row's table, filters, sort and cursor, each run once per request. What is not:
documents. The number of statements never depends on the number of rows. Follows reference 7.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select

from headrace.errors import NotFound
from headrace.jsonapi import clauses
from headrace.jsonapi.cursor import Cursor, fits, garbled, write_cursor
from headrace.jsonapi.document import Loaded
from headrace.jsonapi.operation import Call, Table
from headrace.jsonapi.resource import Resource, Row

SORT_VALUE = "cursor_value"
KEY_VALUE = "cursor_key"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of one page, and the cursors of the pages around it (None: no such page; empty: the first page)."""

    rows: Sequence[Row]
    following: str | None = None
    previous: str | None = None


def primary(call: Call[Any, Any]) -> tuple[Resource, Table]:
    """Return the resource and table of an operation's primary data; raises `ValueError` when the row lacks them."""
    resource, table = call.operation.resource, call.operation.table
    if resource is None or table is None:
        raise ValueError(f"operation {call.operation.id} has no resource or no table")
    return resource, table


async def run(call: Call[Any, Any]) -> Any:
    """Run the operation's command and return what it returns."""
    if call.operation.command is None:
        raise ValueError(f"operation {call.operation.id} has no command")
    return await call.operation.command(call)


async def one_row(call: Call[Any, Any], resource: Resource, table: Table, api_id: str) -> Row:
    """Return the row with an API id; raises `NotFound` when this account has none."""
    key = key_value(resource, table, api_id)
    rows = await call.ctx.fetch(table.select(call).where(table.key == key).limit(1))
    if not rows:
        raise missing(resource, api_id)
    return rows[0]


async def parent_key(call: Call[Any, Any]) -> Any:
    """Return the key value of the parent that the path names, or None without one; raises `NotFound`."""
    if call.operation.parent is None:
        return None
    resource, table = call.operation.parent
    key = key_value(resource, table, call.path["id"])
    only_key = table.select(call).with_only_columns(table.key, maintain_column_froms=True)
    if not await call.ctx.fetch(only_key.where(table.key == key).limit(1)):
        raise missing(resource, call.path["id"])
    return key


def key_value(resource: Resource, table: Table, api_id: str) -> Any:
    """Return the key value behind an API id; raises `NotFound` for one that cannot exist."""
    key = table.parse_id(api_id)
    if key is None:
        raise missing(resource, api_id)
    return key


def missing(resource: Resource, api_id: str) -> NotFound:
    """Return the problem of an id that names nothing."""
    return NotFound(f'There is no {resource.type} with the id "{api_id[:255]}".')


async def page(call: Call[Any, Any], parent: Any = None) -> Rows:
    """Return the page of the primary data that the query asks for; `parent` is the key the rows are scoped to."""
    statement, table = _scoped(call, parent)
    query = call.query
    statement = clauses.where(statement, query.filter, call.operation.filters, call.ctx)
    column = _sort_column(call, table)
    backward = query.cursor is not None and query.cursor.backward
    descending = query.descending is not backward
    if query.cursor is not None:
        mark = query.cursor
        _check_mark(mark, column, table.key)
        statement = statement.where(clauses.after(column, table.key, mark.value, mark.key, descending))
    statement = clauses.order(statement, column, table.key, descending)
    if query.size is None:
        return Rows(await call.ctx.fetch(statement))
    statement = statement.add_columns(
        (table.key if column is None else column).label(SORT_VALUE), table.key.label(KEY_VALUE)
    )
    found = await call.ctx.fetch(statement.limit(query.size + 1))
    return _cut(call, found, query.size, backward)


def _check_mark(mark: Cursor, column: ColumnElement[Any] | None, key: ColumnElement[Any]) -> None:
    """Raise `Invalid` for a cursor whose values no row of the list can have."""
    sorted_by = column is None or mark.value is None or fits(mark.value, column.type)
    if not sorted_by or not fits(mark.key, key.type):
        raise garbled(write_cursor(mark, ""))


def _scoped(call: Call[Any, Any], parent: Any) -> tuple[Select[Any], Table]:
    _, table = primary(call)
    statement = table.select(call)
    scope = call.operation.scope
    return (statement if scope is None else scope(call, statement, parent)), table


def _sort_column(call: Call[Any, Any], table: Table) -> ColumnElement[Any] | None:
    """Return the column sorted by, None for the key, which then needs no second column."""
    if call.query.sort is None:
        return None
    column = call.operation.sorts[call.query.sort].column
    return None if column is table.key else column


def _cut(call: Call[Any, Any], found: Sequence[Row], size: int, backward: bool) -> Rows:
    """Return one page of rows in the order asked for, from up to one row more, which only shows that more follow."""
    more = len(found) > size
    rows = list(found[:size])
    if backward:
        rows.reverse()
        return Rows(rows, _cursor(call, rows, -1, False) or "", _cursor(call, rows, 0, True) if more else None)
    following = _cursor(call, rows, -1, False) if more else None
    previous = _cursor(call, rows, 0, True) if call.query.cursor is not None else None
    return Rows(rows, following, previous)


def _cursor(call: Call[Any, Any], rows: Sequence[Row], at: int, backward: bool) -> str | None:
    if not rows:
        return None
    return write_cursor(Cursor(rows[at][SORT_VALUE], rows[at][KEY_VALUE], backward), call.query.bound_to)


async def at_most_one(call: Call[Any, Any], parent: Any) -> Row | None:
    """Return the one row of a to-one relationship, or None."""
    statement, _ = _scoped(call, parent)
    rows = await call.ctx.fetch(statement.limit(1))
    return rows[0] if rows else None


async def load_related(call: Call[Any, Any], rows: Sequence[Row]) -> Loaded:
    """Load the relationships that the query includes, and those whose linkage the row shows, for all rows at once."""
    _, table = primary(call)
    names = dict.fromkeys((*(call.query.include or ()), *call.operation.linkage))
    return {name: await table.loaders[name](call, rows) if rows else {} for name in names}
