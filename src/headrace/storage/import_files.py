"""How far the import of a file has come: the row that lets it go on where it stopped.

The row moves in the transaction that writes what the file says, so that no row of the file is lost or taken twice,
wherever the process ends. What is not here: reading files (`cli.imports`) and the loop (`engine.imports`). Times are
system time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headrace.storage.database import Connection, Database


@dataclass(frozen=True, slots=True)
class FileKey:
    """What one import of a file is known by: `digest` stands for the file and for how it is read."""

    account_id: str
    kind: str
    digest: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a file is done.

    `position` and `errors_size` are bytes of the file and of its error file, `last_row` the number of the last row
    done, `taken` and `refused` how many rows were.
    """

    position: int = 0
    last_row: int = 0
    taken: int = 0
    refused: int = 0
    errors_size: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of an earlier try; `finished_at` is None where it stopped on the way."""

    progress: Progress
    finished_at: datetime | None


_READ = """
SELECT position, last_row, taken, refused, errors_size, finished_at FROM file_import
WHERE account_id = $1 AND kind = $2 AND file_key = $3
"""

_BEGIN = """
INSERT INTO file_import (account_id, kind, file_key, name, size, position, last_row, taken, refused, errors_size,
                         started_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
ON CONFLICT (account_id, kind, file_key) DO UPDATE SET
    position = excluded.position, last_row = excluded.last_row, taken = excluded.taken, refused = excluded.refused,
    errors_size = excluded.errors_size, started_at = excluded.started_at, updated_at = excluded.updated_at,
    finished_at = NULL
"""

_MOVE = """
UPDATE file_import SET position = $5, last_row = $6, taken = $7, refused = $8, errors_size = $9, updated_at = $10
WHERE account_id = $1 AND kind = $2 AND file_key = $3 AND position = $4
"""

_FINISH = "UPDATE file_import SET finished_at = $4 WHERE account_id = $1 AND kind = $2 AND file_key = $3"


async def read_progress(database: Database, key: FileKey) -> Stored | None:
    """Return what is kept of an import, None where it never began."""
    row = await database.fetch_row(_READ, key.account_id, key.kind, key.digest)
    if row is None:
        return None
    numbers = (row[name] for name in ("position", "last_row", "taken", "refused", "errors_size"))
    return Stored(Progress(*numbers), row["finished_at"])


async def begin_import(database: Database, key: FileKey, name: str, size: int, first: Progress, now: datetime) -> None:
    """Write that an import begins, or begins anew; `size` is the file's in bytes."""
    async with database.transaction() as transaction:
        await transaction.execute(_BEGIN, key.account_id, key.kind, key.digest, name, size, *_values(first), now)


async def move_import(transaction: Connection, key: FileKey, before: Progress, after: Progress, now: datetime) -> bool:
    """Write that an import came further; False where somebody else has moved it meanwhile, and all must be undone."""
    tag = await transaction.execute(_MOVE, key.account_id, key.kind, key.digest, before.position, *_values(after), now)
    return tag.endswith(" 1")


async def finish_import(database: Database, key: FileKey, now: datetime) -> None:
    """Write that a file is done."""
    async with database.transaction() as transaction:
        await transaction.execute(_FINISH, key.account_id, key.kind, key.digest, now)


def _values(progress: Progress) -> tuple[int, ...]:
    return progress.position, progress.last_row, progress.taken, progress.refused, progress.errors_size
