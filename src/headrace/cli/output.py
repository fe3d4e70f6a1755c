"""How commands print: tables for people, JSON where `--json` asks for data."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED = 400
"""How wide a table may be, in characters, where no terminal shows it: a row stays on one line, for grep and awk."""


def print_json(data: Any) -> None:
    """Print data as indented JSON; datetimes are ISO 8601 in whole seconds."""
    print(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_OMIT_MICROSECONDS).decode())


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print records as a table with the given columns, or as a JSON list. Times are UTC; nothing is cut off."""
    if as_json:
        print_json(list(rows))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(_header(column, rows), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row[column])) for column in columns))
    Console(soft_wrap=True, width=None if sys.stdout.isatty() else PIPED).print(table)


def _header(column: str, rows: Sequence[Mapping[str, Any]]) -> str:
    zone = " (UTC)" if any(isinstance(row[column], datetime) for row in rows) else ""
    return f"{column.replace('_', ' ')}{zone}"


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case list() | tuple():
            return " ".join(str(one) for one in value)
        case _:
            return str(value)
