"""The error file of an import: what is wrong with which row, and the row itself.

A CSV file holds the four columns of `OWN_COLUMNS` before those of the imported file, and each row once, so that it can
be mended and imported itself; a JSONL file holds one object per mistake. Where nothing is wrong, no file is made.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from headrace.engine.imports import Record
from headrace.errors import Problem

OWN_COLUMNS = ("error_row", "error_column", "error_value", "error_rule")
"""Columns of the error file, which an import of that file leaves out."""
SEPARATOR = "; "
"""What stands between the columns, values and rules of a row with several mistakes."""
LONGEST_VALUE = 1_000
"""Characters of a wrong value that are shown beside the row itself."""

Mistake = tuple[str, str, str]
"""The column that is wrong, what it holds, and the rule that it breaks."""
Lines = Callable[[Record[Any], Sequence[Mistake]], bytes]
"""Tells of a row and its mistakes."""

Find = Callable[[Problem, Any], tuple[str, Any]]
"""Tells, for a problem and a row as it stands in the file, which column is wrong and what it holds."""


class ErrorFile:
    """An error file that grows with an import and shrinks to what counts when one goes on."""

    __slots__ = ("_find", "_head", "_lines", "path")

    def __init__(self, path: Path, head: bytes, lines: Lines, find: Find) -> None:
        self.path = path
        self._head = head
        self._lines = lines
        self._find = find

    def write(self, size: int, refused: Sequence[Record[Any]]) -> int:
        """Cut the file to `size` bytes, add what is wrong with the rows, and return its new size."""
        if not refused:
            return size
        lines = b"".join(self._lines(record, self._mistakes(record)) for record in refused)
        text = lines if size else self._head + lines
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.truncate(size)
            file.seek(size)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return size + len(text)

    def begin(self, size: int) -> int:
        """Cut the file to `size` bytes and return how many there are; none are left where somebody took it away."""
        if size == 0 or not self.path.exists():
            self.path.unlink(missing_ok=True)
            return 0
        kept = min(size, self.path.stat().st_size)
        os.truncate(self.path, kept)
        return kept

    def _mistakes(self, record: Record[Any]) -> list[Mistake]:
        found: list[Mistake] = []
        for problem in record.problems:
            column, value = self._find(problem, record.raw)
            shown = value if isinstance(value, str) else "" if value is None else orjson.dumps(value).decode()
            found.append((column, _clean(shown[:LONGEST_VALUE]), _clean(problem.detail)))
        return found


def csv_errors(path: Path, header: Sequence[str], find: Find) -> ErrorFile:
    """Return the error file of a CSV file with this header."""

    def lines(record: Record[Any], mistakes: Sequence[Mistake]) -> bytes:
        columns, values, rules = (SEPARATOR.join(parts) for parts in zip(*mistakes, strict=True))
        row = [*record.raw[: len(header)], *[""] * (len(header) - len(record.raw))]
        return _csv_line([str(record.row), columns, values, rules, *map(_clean, row)])

    return ErrorFile(path, _csv_line([*OWN_COLUMNS, *header]), lines, find)


def json_errors(path: Path, find: Find) -> ErrorFile:
    """Return the error file of a JSONL file."""

    def lines(record: Record[Any], mistakes: Sequence[Mistake]) -> bytes:
        told = (
            {"row": record.row, "column": column, "value": value, "rule": rule, "line": record.raw}
            for column, value, rule in mistakes
        )
        return b"".join(orjson.dumps(one) + b"\n" for one in told)

    return ErrorFile(path, b"", lines, find)


def _csv_line(cells: Sequence[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue().encode()


def _clean(text: str) -> str:
    """Return text that can be written: what could not be decoded is marked, NUL is dropped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\0", "")
