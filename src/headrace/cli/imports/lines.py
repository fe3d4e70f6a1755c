"""Reading a file line by line without ever holding more of it than one line may be long."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

LONGEST = 5 * 1024 * 1024
"""Bytes of one line, as many as a request may have. Source: reference 7.2 (413)."""


class Line(NamedTuple):
    """One line with its end, and how many bytes of the file it takes; `text` is cut where it is longer than allowed."""

    text: bytes
    length: int

    @property
    def is_cut(self) -> bool:
        """Whether the line is longer than allowed."""
        return self.length > len(self.text)


def read_line(file: BinaryIO, longest: int = LONGEST) -> Line | None:
    """Return the next line, None at the end of the file."""
    text = file.readline(longest)
    if not text:
        return None
    length = len(text)
    if not text.endswith(b"\n"):
        while rest := file.readline(longest):
            length += len(rest)
            if rest.endswith(b"\n"):
                break
    return Line(text, length)
