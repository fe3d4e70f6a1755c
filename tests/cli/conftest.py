"""Fixtures of the command line's tests."""

import pytest
from commands import Commands


@pytest.fixture
def headrace(database_dsn: str) -> Commands:
    """The commands over a fresh database."""
    return Commands.over(database_dsn)


@pytest.fixture
def account(headrace: Commands) -> str:
    """The id of the only account."""
    return headrace.data("account", "create", "Shop")["account_id"]
