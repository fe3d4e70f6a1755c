"""How commands print tables for people."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headrace.cli.output import print_rows

MOMENT = datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_a_table_that_is_piped_cuts_nothing_off(capsys: pytest.CaptureFixture[str]) -> None:
    """Where no terminal shows it, each row is one line with all its text."""
    ids = ["0fbb8846-2bc2-5ad6-812f-4f55636dad7e"] * 4
    print_rows([dict(zip("abcd", ids, strict=True))], "abcd", as_json=False)
    assert ["a", "b", "c", "d", *ids] == capsys.readouterr().out.split()


def test_a_column_of_times_names_their_zone(capsys: pytest.CaptureFixture[str]) -> None:
    """The header says that times are UTC, also where some are missing."""
    print_rows([{"name": "x", "sent_at": None}, {"name": "y", "sent_at": MOMENT}], ("name", "sent_at"), as_json=False)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert ["name  sent at (UTC)", "x     -", "y     2026-03-02 10:00:00"] == lines


def test_truth_is_yes_or_no(capsys: pytest.CaptureFixture[str]) -> None:
    """People read no Python."""
    print_rows([{"test": True}, {"test": False}], ("test",), as_json=False)
    assert ["test", "yes", "no"] == capsys.readouterr().out.split()


def test_brackets_in_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that looks like markup of the terminal library stays whole."""
    print_rows([{"name": "[red]Winter[/red]"}], ("name",), as_json=False)
    assert "[red]Winter[/red]" in capsys.readouterr().out
