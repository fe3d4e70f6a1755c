"""`headrace doctor`: what stands still or does not add up, repaired or explained."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from headrace.cli.accounts import Json
from headrace.cli.engine import engine_core, make_signer
from headrace.cli.output import print_json, print_rows
from headrace.cli.runtime import with_database
from headrace.config import Config
from headrace.engine import doctor as engine
from headrace.engine.doctor import Examination, Finding
from headrace.engine.durations import read_duration
from headrace.ids import RandomIds
from headrace.storage.database import Database

COLUMNS = ("what", "account", "flow", "amount", "since", "example", "detail")


def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Repair what can be repaired.")] = False,
    late: Annotated[str, typer.Option(help="How late something may be before it counts.")] = "5m",
    as_json: Json = False,
) -> None:
    """Find runs and messages that stand still; exit status 1 when something needs a person."""
    config, patience = Config.from_environment(), read_duration(late)

    async def task(database: Database) -> Examination:
        async with engine_core(database, config, make_signer(config, RandomIds())) as core:
            return await (engine.repair if repair else engine.examine)(core, patience)

    found = with_database(task, config)
    if as_json:
        print_json(_data(found))
    else:
        _print(found, repair)
    if found.needs_person:
        raise typer.Exit(1)


def _data(found: Examination) -> dict[str, Any]:
    findings = [
        {**asdict(one.symptom), "told": one.told, "needs_person": one.needs_person, "repairable": one.repairable}
        for one in found.findings
    ]
    repaired = [{"kind": kind, "amount": amount} for kind, amount in found.repaired]
    return {"needs_person": found.needs_person, "repaired": repaired, "findings": findings}


def _print(found: Examination, repaired: bool) -> None:
    for kind, amount in found.repaired:
        print(f"Repaired {kind}: {amount}")
    if not found.findings:
        print("Nothing is left that stands still." if repaired else "Nothing stands still.")
        return
    for told in dict.fromkeys(one.told for one in found.findings):
        print(f"\n{told[0].upper()}{told[1:]}.")
        print_rows([_row(one) for one in found.findings if one.told == told], COLUMNS, as_json=False)
    if not repaired and any(one.repairable for one in found.findings):
        print("\n`headrace doctor --repair` puts right what can be put right.")


def _row(finding: Finding) -> dict[str, Any]:
    one = finding.symptom
    return {
        "what": one.kind,
        "account": one.account_id,
        "flow": one.flow_id,
        "amount": one.amount,
        "since": one.since,
        "example": one.example,
        "detail": one.detail[:120] if one.detail else None,
    }
