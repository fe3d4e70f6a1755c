"""Running commands as a person does, over a database of the test's own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from headrace.cli import app
from headrace.errors import HeadraceError

SECRET = "a key that only tests know"


@dataclass(frozen=True)
class Commands:
    """`headrace` with an environment; what fails comes back as the line that a person would read."""

    environment: dict[str, str]

    @classmethod
    def over(cls, dsn: str) -> Commands:
        """Return the commands over a database."""
        return cls({"HEADRACE_DATABASE_URL": dsn, "HEADRACE_SECRET_KEY": SECRET, "COLUMNS": "200"})

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command and return what it printed; raises `AssertionError` when it failed."""
        result = CliRunner().invoke(app, arguments, env=self.environment, input=stdin)
        assert result.exit_code == 0, f"{arguments}: {result.output}{result.exception!r}"
        return result.output

    def data(self, *arguments: str) -> Any:
        """Run a command with `--json` and return what it printed."""
        return json.loads(self.run(*arguments, "--json"))

    def stops(self, *arguments: str) -> str:
        """Run a command that must end with exit status 1 without an error of its own, and return what it printed."""
        result = CliRunner().invoke(app, arguments, env=self.environment)
        assert (1, True) == (result.exit_code, isinstance(result.exception, SystemExit)), (
            f"{arguments}: {result.output}"
        )
        return result.output

    def fails(self, *arguments: str) -> str:
        """Run a command that must fail with an error that Headrace reports, and return the error's text."""
        result = CliRunner().invoke(app, arguments, env=self.environment)
        assert isinstance(result.exception, HeadraceError), f"{arguments}: {result.output}{result.exception!r}"
        return str(result.exception)


def fetch_value(dsn: str, query: str) -> Any:
    """Return one value from a database."""
    import asyncpg

    async def ask() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(ask())
