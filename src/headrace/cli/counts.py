"""`headrace counts`: what happened at each action of a flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from headrace.cli.accounts import Json
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json, print_rows
from headrace.cli.runtime import the_account, the_flow, with_database
from headrace.storage.database import Database
from headrace.storage.step_counts import flow_counts

COUNTERS = ("waiting", "passed", "review", "skipped", "exited", "branches")


def counts(
    flow: Annotated[str, typer.Argument(help="The flow's id or name.")],
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Count who entered a flow, who waits in it and where, and what became of the others."""

    async def task(database: Database) -> dict[str, Any]:
        owner = await the_account(database, account)
        flow_id = await the_flow(database, owner.account_id, flow)
        return await flow_counts(database, owner.account_id, flow_id)

    found = with_database(task)
    if as_json:
        print_json(found)
    else:
        print_counts(found)


def print_counts(found: Mapping[str, Any]) -> None:
    """Print the counts of a flow for people: of the counters, those that some action has."""
    plain = ", ".join(f"{found[name]} {name}" for name in ("entered", "finished", "held", "parked"))
    print(f"{plain}; exited: {_listed(found['exited'])}; refused: {_listed(found['refused'])}")
    shown = [name for name in COUNTERS if any(one.get(name) for one in found["actions"])]
    print_rows([_row(one, shown) for one in found["actions"]], ("id", "action", *shown), as_json=False)


def _row(action: Mapping[str, Any], shown: Sequence[str]) -> dict[str, Any]:
    name = f'{action["type"]} "{action["name"]}"' if action["name"] else action["type"]
    values = {one: _listed(action[one]) if isinstance(action[one], dict) else action[one] or "-" for one in shown}
    return {"id": action["id"], "action": f"{name} (deleted)" if action["deleted"] else name, **values}


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{amount} {name}" for name, amount in counts.items()) or "-"
