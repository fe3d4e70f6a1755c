"""Reading a request's body: media types, size, JSON, and what must not be in it.

What is here: everything between the bytes and the pydantic model. What is not: the models (`bodies`). The size is
checked while the body streams in, so that nothing larger than the limit is ever held. Follows reference 7.1 and 7.2.
Our choice: of a body that is too large four times the limit is read and thrown away, for ten seconds at most, because
many clients read the answer only when they have sent everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from typing import Any

import orjson

from headrace.errors import Invalid, NotAcceptable, Problem, Problems, TooLarge, UnsupportedMediaType
from headrace.jsonapi.context import JSON, JSON_API

MEDIA_TYPES = (JSON_API, JSON)
MAX_DEPTH = 100
"""Levels of a body. Our choice: a flow definition needs about twenty."""
DISCARDED = 4
"""How many times the limit is read of a body that is too large."""
MEGABYTE = 1024 * 1024
PATIENCE = 10.0
"""Seconds for which that is done."""
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))


def check_accept(header: str | None) -> None:
    """Raise `NotAcceptable` when an `Accept` header admits neither media type; none, and an empty one, admit both."""
    if not header or not header.strip():
        return
    admitted = ("*/*", "application/*", *MEDIA_TYPES)
    if not any(_media_type(one) in admitted and not _refused(one) for one in header.split(",")):
        raise NotAcceptable(f'Accept is "{header[:200]}"; answers are {" or ".join(MEDIA_TYPES)}.', parameter="Accept")


def check_content_type(header: str | None) -> None:
    """Raise `UnsupportedMediaType` for a body that is declared as anything but UTF-8 JSON; none is taken for JSON."""
    if not header or not header.strip():
        return
    if _media_type(header) not in MEDIA_TYPES:
        raise UnsupportedMediaType(
            f'Content-Type is "{header[:200]}"; bodies are {" or ".join(MEDIA_TYPES)}.', parameter="Content-Type"
        )
    charset = _parameter(header, "charset")
    if charset and charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise UnsupportedMediaType(f'The charset is "{charset[:80]}"; bodies are UTF-8.', parameter="Content-Type")


def _media_type(entry: str) -> str:
    return entry.split(";", 1)[0].strip().lower()


def _parameter(entry: str, name: str) -> str | None:
    for part in entry.split(";")[1:]:
        key, _, value = part.partition("=")
        if key.strip().lower() == name:
            return value.strip().strip('"')
    return None


def _refused(entry: str) -> bool:
    weight = _parameter(entry, "q")
    return weight is not None and weight.strip("0.") == ""


async def read_body(
    chunks: AsyncIterator[bytes], limit: int, declared: str | None = None, *, waits: bool = False
) -> bytes:
    """Return a body of at most `limit` bytes; raises `TooLarge` for a longer one, whose rest is thrown away.

    `declared` is the Content-Length header, which saves reading a body that says itself that it is far too long. A
    client that `waits` for leave to send a body (the header Expect) is told at once.
    """
    length = int(declared) if declared is not None and declared.isdecimal() else 0
    if length > limit:
        if not waits and length <= DISCARDED * limit:
            await _discard(chunks, length)
        raise _too_large(limit)
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            await _discard(chunks, DISCARDED * limit - size)
            raise _too_large(limit)
        parts.append(chunk)
    return b"".join(parts)


async def _discard(chunks: AsyncIterator[bytes], most: int) -> None:
    """Read up to `most` bytes, for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while most > 0 and (chunk := await anext(chunks, None)) is not None:
                most -= len(chunk)


def _too_large(limit: int) -> TooLarge:
    size = f"{limit / MEGABYTE:g} MB" if limit >= MEGABYTE else f"{limit / 1024:g} KB"
    return TooLarge(f"The request body is larger than {limit} bytes ({size}), the most allowed.")


def parse_json(raw: bytes) -> Any:
    """Return the value that a body writes.

    Raises `Invalid` (or `Problems`) for an empty body, malformed JSON, invalid UTF-8, more than 100 levels, and NUL
    characters in strings or keys, which PostgreSQL cannot store.
    """
    if not raw.strip():
        raise Invalid("The request body is empty; a JSON document is required.", pointer="/")
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"The body is not valid UTF-8: {error.reason} at byte {error.start}.", pointer="/") from None
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The body is not valid JSON: {error}.", pointer="/") from None
    _check_depth(raw, value)
    _check_nul(raw, value)
    return value


def _check_depth(raw: bytes, value: Any) -> None:
    if _surely_shallow(raw):
        return
    level, depth = _containers([value]), 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Invalid(f"The body nests more than {MAX_DEPTH} levels deep.", pointer="/")
        level = [inner for one in level for inner in _containers(one.values() if isinstance(one, dict) else one)]


def _surely_shallow(raw: bytes) -> bool:
    """Return whether a body nests no more than allowed, as far as its brackets alone can tell, which is quick.

    Each turn takes away one or two levels. Brackets within strings may stand in the way; then the values decide.
    """
    brackets = raw.translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH // 2):
        if not brackets:
            return True
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return not brackets


def _containers(values: Iterable[Any]) -> list[Any]:
    return [one for one in values if isinstance(one, dict | list)]


def _check_nul(raw: bytes, value: Any) -> None:
    """Look for NUL only where its escape occurs in the text, which is next to never."""
    if b"\\u0000" not in raw:
        return
    problems: list[Problem] = [
        Invalid("Text must not contain a NUL character (\\u0000).", pointer=pointer or "/")
        for pointer in _nul_pointers(value, "")
    ]
    if problems:
        raise Problems(problems)


def _nul_pointers(value: Any, pointer: str) -> list[str]:
    if isinstance(value, str):
        return [pointer] if "\x00" in value else []
    found: list[str] = []
    if isinstance(value, Mapping):
        for key, below in value.items():
            at = f"{pointer}/{key.replace('~', '~0').replace('/', '~1').replace(chr(0), '')}"
            found += [at] if "\x00" in key else _nul_pointers(below, at)
    elif isinstance(value, list):
        for index, below in enumerate(value):
            found += _nul_pointers(below, f"{pointer}/{index}")
    return found
