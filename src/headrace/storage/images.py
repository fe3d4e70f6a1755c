"""Images: what is known of them beside their files.

What is here: the statements that write images. What is not: reading them for the API (a select made from the rows of
`api`), and the files (`media`). Source: the published operations on images.

Our choice: the suffix of a name that is taken is a number from 2 on, in front of the ending.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

from headrace.errors import NotFound
from headrace.storage.database import Connection

LONGEST_NAME = 255

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_TAKEN = "SELECT name FROM image WHERE account_id = $1 AND starts_with(name, $2)"
_INSERT = """
INSERT INTO image (image_id, account_id, name, format, size, hidden, digest, created_at, updated_at)
VALUES (nextval('image_serial'), $1, $2, $3, $4, $5, $6, $7, $7)
RETURNING image_id
"""
_UPDATE = """
UPDATE image SET name = coalesce($3, name), hidden = coalesce($4, hidden), updated_at = $5
WHERE account_id = $1 AND image_id = $2
RETURNING image_id
"""


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image whose file is kept: `size` in bytes, `digest` the SHA-256 of its content."""

    name: str
    format: str
    size: int
    hidden: bool
    digest: bytes


async def create_image(connection: Connection, account_id: str, new: NewImage, now: datetime) -> int:
    """Write an image within a transaction and return its id; a name that is taken gets a suffix."""
    await connection.execute(_LOCK, f"image names of {account_id}")
    stem, _ = _parted(new.name)
    taken = {row["name"] for row in await connection.fetch(_TAKEN, account_id, stem)}
    name = free_name(new.name, taken)
    values: tuple[Any, ...] = (account_id, name, new.format, new.size, new.hidden, new.digest, now)
    made: int = await connection.fetch_value(_INSERT, *values)
    return made


async def update_image(
    connection: Connection, account_id: str, image_id: int, name: str | None, hidden: bool | None, now: datetime
) -> None:
    """Change what is given of an image; raises `NotFound`."""
    if await connection.fetch_value(_UPDATE, account_id, image_id, name, hidden, now) is None:
        raise NotFound(f'An image with id "{image_id}" does not exist.')


def free_name(name: str, taken: set[str]) -> str:
    """Return the name, or where it is taken the first with a number that is not."""
    stem, ending = _parted(name)
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{stem} ({number}){ending}"
    return free


def _parted(name: str) -> tuple[str, str]:
    """Return a name without its ending, short enough for a number behind it, and the ending."""
    ending = PurePath(name).suffix[:20]
    return name.removesuffix(ending)[: LONGEST_NAME - len(ending) - 10], ending
