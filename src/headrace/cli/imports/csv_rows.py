"""The rows of a CSV file, each with its number and the byte at which it ends, so that reading can go on anywhere.

What is here: delimiters, encodings, quoting, and rows that are no rows. What is not: what the cells mean (`columns`).
Follows RFC 4180. Our choice: a row is numbered as a spreadsheet does, the header being 1 and blank rows counted; after
a quote that is never closed, reading goes on at the line below it, so that one slip costs one row.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Generator, Iterator
from typing import BinaryIO, NamedTuple

from headrace.cli.imports.lines import LONGEST, Line, read_line
from headrace.errors import CommandError

BOM = codecs.BOM_UTF8
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
WIDE = ("utf-16", "utf-32", "utf-7")
"""Encodings in which a line does not end in one byte."""


class Cells(NamedTuple):
    """One row. `rule` says what keeps it from being read, None where nothing does; a blank row has no cells."""

    row: int
    end: int
    values: list[str]
    rule: str | None = None


class CsvRows:
    """Reads one file; made for one pass."""

    __slots__ = ("_delimiter", "_encoding", "_file", "_lines", "_start", "header")

    header: list[str]
    """The names of the columns, as they stand in the file."""

    def __init__(self, file: BinaryIO, delimiter: str | None = None, encoding: str = "utf-8") -> None:
        self._file = file
        self._encoding = check_encoding(encoding)
        self._lines: list[Line] = []
        self._start = len(BOM) if file.read(len(BOM)) == BOM else 0
        file.seek(self._start)
        self._delimiter = _delimiter(delimiter, self._first_line())
        header = next(self.after(self._start, 0), None)
        if header is None or not any(name.strip() for name in header.values):
            raise CommandError("the file has no header; its first row must name the columns")
        if header.rule is not None:
            raise CommandError(f"the header cannot be read: {header.rule}")
        self.header = [name.strip() for name in header.values]
        self._start = header.end

    @property
    def start(self) -> int:
        """The byte at which the first row begins."""
        return self._start

    def after(self, position: int, row: int) -> Iterator[Cells]:
        """Yield the rows from a byte on, the first of which follows row number `row`."""
        while True:
            self._file.seek(position)
            broken = yield from self._readable(position, row)
            if broken is None:
                return
            position, row = broken

    def _readable(self, position: int, row: int) -> Generator[Cells, None, tuple[int, int] | None]:
        """Yield rows; return where to go on after one that is broken, None at the end of the file."""
        reader = csv.reader(self._decoded(), delimiter=self._delimiter, strict=True)
        while True:
            self._lines.clear()
            row += 1
            try:
                values = next(reader, None)
            except csv.Error as error:
                first = self._lines[0]
                position += first.length
                yield Cells(row, position, [_shown(first.text, self._encoding)], _rule(error))
                return position, row
            if values is None:
                return None
            position += sum(line.length for line in self._lines)
            yield Cells(row, position, values, self._flaw(values))

    def _decoded(self) -> Iterator[str]:
        """Yield lines as text; what cannot be decoded stays recognizable."""
        while (line := read_line(self._file)) is not None:
            self._lines.append(line)
            if line.is_cut:
                raise csv.Error(f"a line is longer than {LONGEST} bytes")
            yield line.text.decode(self._encoding, "surrogateescape")

    def _flaw(self, values: list[str]) -> str | None:
        """Return what makes the text of a row unfit, which is looked for only in lines that may hold it."""
        if any(b"\0" in line.text for line in self._lines):
            return "it holds a NUL character, which text must not contain"
        if all(line.text.isascii() for line in self._lines):
            return None
        for number, value in enumerate(values, 1):
            try:
                value.encode()
            except UnicodeEncodeError:
                return f"cell {number} is not valid {self._encoding}"
        return None

    def _first_line(self) -> str:
        line = read_line(self._file)
        return "" if line is None else line.text.decode(self._encoding, "replace")


def check_encoding(name: str) -> str:
    """Return the name of an encoding that lines can be read in; raises `CommandError` for another one."""
    try:
        found = codecs.lookup(name).name
    except LookupError:
        raise CommandError(f"--encoding {name!r} is unknown; say utf-8, latin-1 or windows-1252") from None
    if found.startswith(WIDE):
        raise CommandError(f"--encoding {name!r} cannot be read line by line; convert the file to utf-8")
    return "utf-8" if found == "utf-8-sig" else found


def _delimiter(given: str | None, header: str) -> str:
    """Return what stands between cells: as told, or what the header has most of."""
    if given is None:
        return max(DELIMITERS.values(), key=header.count)
    found = DELIMITERS.get(given, "\t" if given == "\\t" else given)
    if len(found) != 1 or found in '"\r\n':
        raise CommandError(f"--delimiter {given!r} must be one character, or one of {', '.join(DELIMITERS)}")
    return found


def _rule(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text or "field larger" in text:
        return "a quote is opened and not closed, or a cell is longer than 128 KB"
    if "new-line character" in text:
        return "its lines end in a carriage return alone; convert the file to line feeds"
    if "expected after" in text:
        return "a closing quote must be followed by the delimiter; write a quote within a cell twice"
    return text


def _shown(line: bytes, encoding: str) -> str:
    return line.decode(encoding, "replace").strip("\r\n\0 ")[:1000]
