"""How commands print: tables for people, JSON where `--json` asks for data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table


def print_json(data: Any) -> None:
    """Print data as indented JSON; datetimes are ISO 8601 in whole seconds."""
    print(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_OMIT_MICROSECONDS).decode())


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print records as a table with the given columns, or as a JSON list."""
    if as_json:
        print_json(list(rows))
        return
    table = Table(*(column.replace("_", " ") for column in columns), box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    Console(soft_wrap=True).print(table)


def _cell(value: Any) -> str:
    match value:
        case None:
            return "-"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case list() | tuple():
            return " ".join(str(one) for one in value)
        case _:
            return str(value)
