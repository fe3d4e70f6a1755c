"""`headrace doctor`."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import asyncpg
from commands import Commands
from typer.testing import CliRunner

from headrace.cli import app


def run(headrace: Commands, *arguments: str) -> tuple[int, str]:
    """Return the exit status of the doctor and what it printed."""
    result = CliRunner().invoke(app, ["doctor", *arguments], env=headrace.environment)
    return result.exit_code, result.output


def execute(dsn: str, statement: str, *values: object) -> None:
    """Change rows behind the engine's back."""

    async def work() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()

    asyncio.run(work())


PARKED = """
INSERT INTO run (bucket, account_id, run_id, flow_id, profile_id, version, entered_at, action_id, resume_at, clock,
                 state, error, visited, steps, chain)
VALUES (1, $1, gen_random_uuid(), 'GONE01', 'P', 1, $2, NULL, $2, 0, 3, 'KeyError: x', '{}', 0, 0)
"""
FAILED = """
INSERT INTO job (job_id, account_id, kind, state, arguments, error, created_at, updated_at, finished_at)
VALUES ('job-1', $1, 'back-populate', 'failed', '{}', 'ValueError: y', now(), now(), now())
"""


def test_a_sound_installation_is_said_to_be_one(headrace: Commands, account: str) -> None:
    """Exit status 0 and one line."""
    assert (0, "Nothing stands still.\n") == run(headrace)
    assert (0, "Nothing is left that stands still.\n") == run(headrace, "--repair")


def test_what_needs_a_person_is_told_by_the_exit_status(headrace: Commands, account: str, database_dsn: str) -> None:
    """Printed for people with an example, and as data."""
    execute(database_dsn, FAILED, account)

    status, printed = run(headrace)
    data = json.loads(run(headrace, "--json")[1])

    assert 1 == status
    assert "ValueError: y" in printed
    assert (True, ["failed_job"]) == (data["needs_person"], [one["kind"] for one in data["findings"]])
    assert 1 == run(headrace, "--repair")[0]


def test_a_repair_is_advised_only_where_there_is_one(headrace: Commands, account: str, database_dsn: str) -> None:
    """A job that failed for good is a person's matter; a run of a flow that is gone can be let out."""
    execute(database_dsn, FAILED, account)
    before = run(headrace)[1]
    execute(database_dsn, PARKED, account, datetime(2026, 3, 2, tzinfo=UTC))

    assert [False, True] == ["doctor --repair" in printed for printed in (before, run(headrace)[1])]


def test_what_can_be_repaired_is_and_is_told(headrace: Commands, account: str, database_dsn: str) -> None:
    """A run of a flow that is gone leaves; the counts are put right."""
    execute(database_dsn, PARKED, account, datetime(2026, 3, 2, tzinfo=UTC))

    before, (status, printed) = run(headrace)[0], run(headrace, "--repair")

    assert (1, 0) == (before, status)
    assert "Repaired" in printed
    assert "Nothing is left that stands still." in printed
