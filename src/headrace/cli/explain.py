"""`headrace explain`: what happened to a person in a flow, and why they did not get a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import orjson
import typer

from headrace.cli.accounts import Json
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json, print_rows
from headrace.cli.runtime import the_account, the_flow, with_database
from headrace.engine.explain import Explanation, Passage, Step
from headrace.engine.explain import explain as explained
from headrace.engine.truths import in_words
from headrace.storage.database import Database


def explain(
    profile: Annotated[str, typer.Option(help="The person's id or e-mail address.")],
    flow: Annotated[str, typer.Option(help="The flow's id or name.")],
    message: Annotated[
        str | None, typer.Option(help="A message that they did not get: its name or id, or its action's id.")
    ] = None,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Tell each step of a person's way through a flow, and the first rule that kept a message from them."""

    async def task(database: Database) -> Explanation:
        owner = await the_account(database, account)
        flow_id = await the_flow(database, owner.account_id, flow)
        return await explained(database, owner.account_id, profile, flow_id, message)

    found = with_database(task)
    if as_json:
        print_json(asdict(found))
    else:
        _print(found)


def _print(found: Explanation) -> None:
    if found.why is not None:
        print(f"{found.why.told}\n")
    if not found.runs:
        print(f"Profile {found.profile_id} has not entered the flow {found.flow!r}.")
    for run in found.runs:
        _print_run(run)
    if found.refused:
        print("Entries that were refused, the newest first:")
        _print_steps(found.refused)


def _print_run(run: Passage) -> None:
    more = run.exit_reason or run.error
    told = f"{run.state}: {more}" if more else run.state
    waits = f", in {run.waits_in or 'its next step'} until {_told(run.resume_at)}" if run.resume_at else ""
    print(f"Run {run.run_id}, entered {_told(run.entered_at)}, {told}{waits}")
    _print_steps(run.steps)
    if run.messages:
        rows = [asdict(one) for one in run.messages]
        columns = ("name", "channel", "state", "queued_at", "due_at", "sent_at", "reason")
        detailed = any(one.detail for one in run.messages)
        print_rows(rows, (*columns, "detail") if detailed else columns, as_json=False)
    print()


def _print_steps(steps: Sequence[Step]) -> None:
    rows: list[Mapping[str, Any]] = []
    for step in steps:
        detail = ", ".join(f"{key} {_short(value)}" for key, value in step.detail.items())
        outcome = step.outcome if step.branch is None else f"branch {step.branch_name or step.branch}"
        rows.append({"at": step.at, "action": step.action, "outcome": outcome, "saw": detail or None})
        for one in step.conditions:
            held = {True: "true", False: "false", None: "-"}[one.held]
            name = in_words(one) if one.of is None else f"{one.of_name or one.of}: {in_words(one)}"
            rows.append({"at": "", "action": f"  {name}", "outcome": f"  {held}", "saw": _short(one.saw)})
    print_rows(rows, ("at", "action", "outcome", "saw"), as_json=False)


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}..."
