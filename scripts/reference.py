"""Write docs/reference/commands.md from the command line's own table, and docs/reference/headrace-api.md from the rows
of Headrace's own operations.

`python scripts/reference.py` writes both pages; `--check` only says whether they are current.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from typer.main import get_command

from headrace.api.resources import OPERATIONS
from headrace.cli import app
from headrace.jsonapi.operation import Operation

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
MADE = "This page is made by `make docs`"
COMMANDS = f"""# Commands

{MADE} from what `headrace --help` knows. Settings come from the environment; see the
[README](../../README.md).
A command that fails says why on one line of standard error and ends with status 1.
"""
API = f"""# Headrace's own API

What Klaviyo's API has no word for is under `/headrace/`, in the same grammar: JSON:API documents, private keys, the
`revision` header, the same errors. A key needs the scope that the table names; keys with the scope `full` have them
all. {MADE}; the description with every field is at `/openapi.json` of a running Headrace.
"""


def pages() -> Mapping[Path, str]:
    """Return what this script writes, and where."""
    return {
        REFERENCE / "commands.md": "\n".join([COMMANDS, *_commands(get_command(app), "headrace")]),
        REFERENCE / "headrace-api.md": "\n".join([API, *_operations()]),
    }


def _commands(command: Any, name: str) -> Iterator[str]:
    """Yield a command's section, or those of a group's commands."""
    if hasattr(command, "commands"):
        for inner, one in command.commands.items():
            yield from _commands(one, f"{name} {inner}")
        return
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    yield f"## {' '.join((name, *map(_argument, arguments)))}\n"
    yield f"{' '.join(inspect.cleandoc(command.help or '').split())}\n"
    rows = [_parameter(one) for one in command.params if not getattr(one, "hidden", False)]
    if rows:
        yield "| | | default |\n|---|---|---|"
        yield from rows
        yield ""


def _argument(argument: Any) -> str:
    name = argument.name.rstrip("_").upper() + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _parameter(parameter: Any) -> str:
    named = parameter.param_type_name == "argument"
    names = [parameter.name.rstrip("_").upper()] if named else [*parameter.opts, *parameter.secondary_opts]
    return f"| {', '.join(f'`{name}`' for name in names)} | {_help(parameter)} | {_default(parameter)} |"


def _help(parameter: Any) -> str:
    return " ".join((parameter.help or "").split()).replace("|", "\\|")


def _default(parameter: Any) -> str:
    if parameter.required:
        return "must be given"
    shown = parameter.default
    return "" if shown in (None, False, "", (), []) or callable(shown) else f"`{shown}`"


def _operations() -> Iterator[str]:
    own = [one for one in OPERATIONS if one.path.startswith("/headrace/")]
    yield "| request | | scope |\n|---|---|---|"
    for one in own:
        yield f"| `{one.method} {one.path}` | {one.summary} | {', '.join(f'`{scope}`' for scope in one.scopes)} |"
    yield ""
    for one in own:
        details = [*_query(one), *_body(one)]
        if details:
            yield f"## {one.method} {one.path}\n"
            yield from details
            yield ""


def _query(operation: Operation) -> Iterator[str]:
    """Yield what may stand behind the question mark."""
    for name, rule in operation.filters.items():
        yield f"- filter `{name}`: {', '.join(f'`{operator}`' for operator in rule.operators)}"
    if operation.sorts:
        yield f"- sort by {', '.join(f'`{name}`' for name in operation.sorts)}"
    if operation.page:
        yield f"- `page[size]`: {operation.page.default}, at most {operation.page.maximum}"


def _body(operation: Operation) -> Iterator[str]:
    """Yield the attributes of the document that is sent."""
    if operation.body is None:
        return
    data = operation.body.model_fields["data"].annotation
    attributes = getattr(data, "model_fields", {}).get("attributes")
    kind = attributes.annotation if attributes else None
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield f"- attributes: {', '.join(f'`{name}`' for name in kind.model_fields)}"
        yield f"- {' '.join((inspect.getdoc(kind) or '').split())}"


def main() -> None:
    """Write the pages, or check them."""
    for path, text in pages().items():
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"docs/reference/{path.name} is not current; run `make docs`")


if __name__ == "__main__":
    main()
