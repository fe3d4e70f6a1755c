"""`headrace import` and `headrace export`: flows as files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from headrace.cli.accounts import Json
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json
from headrace.cli.runtime import the_account, the_flow, with_database
from headrace.errors import CommandError, Problem, Problems
from headrace.flows.references import References
from headrace.ids import RandomIds
from headrace.storage.accounts import clock_of
from headrace.storage.database import Database
from headrace.storage.flow_files import Imported, Spelling, export_flow, import_flow, missing_for


def import_file(
    file: Annotated[Path, typer.Argument(help="A flow's document; `-` reads standard input.")],
    account: AccountOption = None,
    create_missing: Annotated[
        bool, typer.Option("--create-missing", help="Make the metrics, lists and templates that the account lacks.")
    ] = False,
    status: Annotated[str | None, typer.Option(help="draft, manual or live instead of the file's status.")] = None,
    as_json: Json = False,
) -> None:
    """Import a flow, in the spelling of `/flow/<id>.json` or in that of the API."""
    document = read_document(file)

    async def task(database: Database) -> Imported:
        owner = await the_account(database, account)
        if not create_missing:
            _refuse_missing(file, await missing_for(database, owner.account_id, document))
        now = (await clock_of(database, owner)).now()
        return await import_flow(
            database, owner.account_id, RandomIds(), now, document, create_missing=create_missing, status=status
        )

    imported = _told(file, lambda: with_database(task))
    if as_json:
        made = [
            {"kind": one.kind, "id": one.made_id, "name": one.name} | ({"rests": True} if one.rests else {})
            for one in imported.made
        ]
        print_json({"flow_id": imported.flow_id, "made": made})
    else:
        for one in imported.made:
            print(f"Made {'segment' if one.rests else one.kind} {one.made_id} ({one.name}).")
            if one.rests:
                print("  It is inactive and has no rules: nobody is in it until somebody defines and activates it.")
        print(f"Imported flow {imported.flow_id}.")


def export(
    flow: Annotated[str, typer.Argument(help="The flow's id or name.")],
    account: AccountOption = None,
    spelling: Annotated[
        str, typer.Option(help="`camel` as /flow/<id>.json spells keys, or `snake` as the API does.")
    ] = "camel",
    with_names: Annotated[
        bool, typer.Option("--with-names", help="Add what the flow names, for an import into another account.")
    ] = False,
    output: Annotated[Path | None, typer.Option(help="A file to write instead of printing.")] = None,
) -> None:
    """Export a flow as JSON; importing it makes a flow that exports equal, ids aside."""
    chosen = _spelling(spelling)

    async def task(database: Database) -> dict[str, Any]:
        owner = await the_account(database, account)
        flow_id = await the_flow(database, owner.account_id, flow)
        return await export_flow(database, owner.account_id, flow_id, spelling=chosen, with_names=with_names)

    document = with_database(task)
    if output is None:
        print_json(document)
    else:
        output.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read_document(file: Path) -> Any:
    """Return the JSON document in a file; raises `CommandError` naming the file and what is wrong with it."""
    try:
        return orjson.loads(sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes())
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise CommandError(f"{_told_as(file)} is not JSON: {error}") from error


def _told_as(file: Path) -> str:
    return "standard input" if str(file) == "-" else str(file)


def _told(file: Path, work: Any) -> Imported:
    """Run an import; each mistake in the file becomes a line of one error."""
    try:
        done: Imported = work()
    except (Problem, Problems) as wrong:
        told = f"{_told_as(file)} cannot be imported, nothing was written\n  {problem_lines(wrong)}"
        raise CommandError(told) from wrong
    return done


def problem_lines(wrong: Problem | Problems) -> str:
    """Return each mistake on a line of its own: where it is in the document, and what is wrong there."""
    several = wrong.problems if isinstance(wrong, Problems) else [wrong]
    told = [f"{one.pointer or one.meta.get('definition_pointer') or '-'}: {one.detail}" for one in several]
    return "\n  ".join(told)


def _refuse_missing(file: Path, missing: References) -> None:
    """Raise `CommandError` naming everything that the account lacks."""
    kinds = {"metric": missing.metric_ids, "list or segment": missing.group_ids, "template": missing.template_ids}
    lines = [f"{kind} {one}, named at {places[0]}" for kind, found in kinds.items() for one, places in found.items()]
    if lines:
        listed = "\n  ".join(lines)
        hint = "make them first, or let --create-missing do it"
        raise CommandError(f"{_told_as(file)} names what the account lacks; {hint}\n  {listed}")


def _spelling(text: str) -> Spelling:
    if text == "camel":
        return "camel"
    if text == "snake":
        return "snake"
    raise CommandError(f"--spelling is {text!r}; it must be camel or snake")
