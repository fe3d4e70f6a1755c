"""Reading a body that is a form with files (multipart/form-data).

What is here: everything between the bytes and the pydantic model. What is not: JSON bodies (`reading`), and what a file
contains, which the command looks at. The size is checked while the body streams in. Follows reference 7.1 and 7.2.
Our choice: a form has at most 20 parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from headrace.errors import Invalid, UnsupportedMediaType
from headrace.jsonapi.reading import read_body

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FORM = "multipart/form-data"
MOST_PARTS = 20


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form: its name as the client gave it, and its content."""

    name: str
    content: bytes


Form = dict[str, str | File]


async def read_form(request: Request, limit: int) -> Form:
    """Return the fields and files of a form of at most `limit` bytes, by name.

    Raises `UnsupportedMediaType` for anything that is not a form, `TooLarge`, and `Invalid` for one that is malformed,
    has too many parts, or text that is no UTF-8 or holds NUL characters.
    """
    boundary = _boundary(request.headers.get("content-type") or "")
    declared, waits = request.headers.get("content-length"), "expect" in request.headers
    return parse_form(await read_body(request.stream(), limit, declared, waits=waits), boundary)


def _boundary(header: str) -> bytes:
    media_type, options = parse_options_header(header)
    if media_type.decode("latin-1").lower() != FORM:
        raise UnsupportedMediaType(f'Content-Type is "{header[:200]}"; the body is {FORM}.', parameter="Content-Type")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise Invalid("Content-Type names no boundary of 1 to 70 characters.", parameter="Content-Type")
    return boundary


def parse_form(raw: bytes, boundary: bytes) -> Form:
    """Return the fields and files of a form, by name; of several with one name the last. Raises `Invalid`."""
    reader = _Reader()
    parser = MultipartParser(boundary, reader.callbacks())
    try:
        parser.write(raw)
        parser.finalize()
    except FormParserError as error:
        raise Invalid(f"The body is not a form: {error}.", pointer="/") from None
    if not reader.ended:
        raise Invalid("The body is not a form: its last boundary is missing.", pointer="/")
    return reader.form


@dataclass(slots=True)
class _Reader:
    """Gathers the parts that the parser finds."""

    form: Form = field(default_factory=dict)
    ended: bool = False
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _name: bytes = b""
    _value: bytes = b""
    _content: list[bytes] = field(default_factory=list)
    _parts: int = 0

    def callbacks(self) -> MultipartCallbacks:
        """Return the functions that the parser is to call."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._finished,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise Invalid(f"The form has more than {MOST_PARTS} parts.", pointer="/")
        self._headers, self._content = {}, []

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._content.append(data[start:end])

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise Invalid("A part of the form has no name in its Content-Disposition.", pointer="/")
        name = _text(options[b"name"], "/")
        content = b"".join(self._content)
        if b"filename" in options:
            self.form[name] = File(_text(options[b"filename"], f"/{name}"), content)
        else:
            self.form[name] = _text(content, f"/{name}")

    def _finished(self) -> None:
        self.ended = True


def _text(raw: bytes, pointer: str) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"The form is not valid UTF-8: {error.reason}.", pointer=pointer) from None
    if "\x00" in text:
        raise Invalid("Text must not contain a NUL character.", pointer=pointer)
    return text
