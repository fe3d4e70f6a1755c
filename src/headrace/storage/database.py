"""One pool of connections to PostgreSQL, and the transactions on it.

Composed queries are SQLAlchemy Core statements, compiled here; hot paths are hand-written SQL with arrays. Both run on
the same asyncpg connection, so a transaction may mix them. JSON columns take and give Python values.
See docs/decisions/0001-database.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast

import asyncpg
import orjson
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]

Row: TypeAlias = Mapping[str, Any]
"""A result row: an asyncpg record, read by column name."""
Query: TypeAlias = str | ClauseElement


class Connection:
    """A connection inside (or outside) a transaction; a thin skin over asyncpg that also takes Core statements."""

    __slots__ = ("raw",)

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    async def fetch(self, query: Query, *args: Any) -> list[Row]:
        """Run a query and return its rows. Arguments `$1`... belong to SQL text; a statement carries its own."""
        sql, values = compile_query(query, args)
        rows: list[Row] = await self.raw.fetch(sql, *values)
        return rows

    async def fetch_row(self, query: Query, *args: Any) -> Row | None:
        """Run a query and return its first row, None when there is none."""
        sql, values = compile_query(query, args)
        row: Row | None = await self.raw.fetchrow(sql, *values)
        return row

    async def fetch_value(self, query: Query, *args: Any) -> Any:
        """Run a query and return the first column of its first row, None when there is none."""
        sql, values = compile_query(query, args)
        return await self.raw.fetchval(sql, *values)

    async def execute(self, query: Query, *args: Any) -> str:
        """Run a statement and return PostgreSQL's command tag."""
        sql, values = compile_query(query, args)
        tag: str = await self.raw.execute(sql, *values)
        return tag

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Be inside a transaction for a block, for somebody who keeps a connection through several of them."""
        async with self.raw.transaction():
            yield


ERRANDS = 2
"""Connections beside the pool for errands."""


class Database:
    """The pool. `transaction` is the only way to write; `fetch` and its kin are for single reads.

    Nobody who holds a connection waits for another one of the pool, or as many as there are might wait for one another
    for ever. There are two exceptions: errands have connections of their own, and those who keep one for long, while
    they work with others, take at most half of them.
    """

    __slots__ = ("_errands", "_keepers", "_pool", "dsn")

    def __init__(self, dsn: str, pool: Any, errands: Any, size: int) -> None:
        self.dsn = dsn
        self._pool = pool
        self._errands = errands
        self._keepers = asyncio.Semaphore(max(1, size // 2))

    @classmethod
    async def connect(cls, dsn: str, *, size: int = 8) -> Database:
        """Open a pool of at most `size` connections; raises what asyncpg raises when the server cannot be reached."""
        pool = await _pool(dsn, 1, size)
        return cls(dsn, pool, await _pool(dsn, 0, ERRANDS), size)

    async def close(self) -> None:
        """Close every connection, waiting for those in use."""
        await self._pool.close()
        await self._errands.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection outside a transaction, cleared of locks and settings when it comes back."""
        async with self._pool.acquire() as raw:
            try:
                yield Connection(raw)
            finally:
                await _clear(raw)

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[Connection]:
        """Lend a connection as `connection` does to somebody who keeps it while working with others of the pool."""
        async with self._keepers, self.connection() as kept:
            yield kept

    @asynccontextmanager
    async def errand(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction of its own to somebody who may be inside another one, for a moment."""
        async with self._errands.acquire() as raw, raw.transaction():
            yield Connection(raw)

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Connection]:
        """Lend a connection for statements that are a transaction each and leave no lock or setting behind."""
        async with self._pool.acquire() as raw:
            yield Connection(raw)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction, committed at the end and rolled back when the block raises."""
        async with self._pool.acquire() as raw, raw.transaction():
            yield Connection(raw)

    async def fetch(self, query: Query, *args: Any) -> list[Row]:
        """Run one query by itself and return its rows."""
        async with self.statements() as connection:
            return await connection.fetch(query, *args)

    async def fetch_row(self, query: Query, *args: Any) -> Row | None:
        """Run one query by itself and return its first row."""
        async with self.statements() as connection:
            return await connection.fetch_row(query, *args)

    async def fetch_value(self, query: Query, *args: Any) -> Any:
        """Run one query by itself and return one value."""
        async with self.statements() as connection:
            return await connection.fetch_value(query, *args)


def compile_query(query: Query, args: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """Return the SQL text with `$n` parameters and their values.

    Values are handed to asyncpg as they are: its own codecs convert them, SQLAlchemy's are not applied.
    """
    if isinstance(query, str):
        return query, args
    compiled = cast(SQLCompiler, query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}))
    params = compiled.params
    return str(compiled), [params[name] for name in compiled.positiontup or ()]


async def _pool(dsn: str, least: int, most: int) -> Any:
    return await asyncpg.create_pool(
        dsn,
        min_size=least,
        max_size=most,
        init=_prepare,
        reset=_leave_settings,
        server_settings={"application_name": "headrace"},
    )


async def _leave_settings(_: Any) -> None:
    """Send nothing when a connection comes back: what a transaction or a single query sets ends with it.

    The pool's own habit costs a round trip per transaction. It still rolls back what was left open.
    """


async def _clear(raw: Any) -> None:
    """Give up a connection's locks and settings; end the connection where that fails."""
    if raw.is_closed():
        return
    try:
        await raw.reset()
    except BaseException:
        raw.terminate()
        raise


async def _prepare(raw: Any) -> None:
    for name in ("json", "jsonb"):
        prefix = b"\x01" if name == "jsonb" else b""
        await raw.set_type_codec(
            name,
            schema="pg_catalog",
            format="binary",
            encoder=lambda value, prefix=prefix: prefix + orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS),
            decoder=lambda data, prefix=prefix: orjson.loads(data[len(prefix) :]),
        )
