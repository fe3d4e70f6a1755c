"""`headrace demo`, on a small scale: the story is played to its end and its report adds up."""

import io
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from rich.console import Console

from headrace.cli.demo.run import drawn
from headrace.cli.demo.shop import carts, shoppers

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_small_demo_prints_a_report_of_both_messages() -> None:
    """Sixty people and four days are enough for an e-mail and a text message to be sent, opened and clicked."""
    command = [sys.executable, "-m", "headrace", "demo", "--once", "--people", "60", "--days", "4"]
    environment = {**os.environ, "COLUMNS": "160", "HEADRACE_DATABASE_URL": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    shown = r"^(email|sms) +Cart reminder: .*? (\d+) +(\d+) +[\d.]+% +[\d.]+% +\d+ +[\d.,]+ *$"
    rows = re.findall(shown, done.stdout, re.MULTILINE)
    assert (done.returncode, [row[0] for row in rows]) == (0, ["email", "sms"]), done.stderr
    assert all(recipients == delivered and int(recipients) > 3 for _, recipients, delivered in rows)


def test_the_report_fits_a_terminal_of_eighty_columns() -> None:
    """No heading and no figure is cut off where the output is not a terminal, or a small one."""
    row = ("email", "Cart reminder: e-mail", "12,345", "12,340", "47.7%", "19.8%", "1,025", "1,234,567.00")
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(drawn([row]))
    shown = console.export_text()
    assert [] == [cell for cell in (*row[2:], "recipients", "delivered", "conversions", "(USD)") if cell not in shown]
    assert "…" not in shown


def test_the_story_is_always_the_same() -> None:
    """People and their carts follow from the seed alone."""
    first = [list(carts(one, START, 30)) for one in shoppers(100)]
    assert first == [list(carts(one, START, 30)) for one in shoppers(100)]


def test_carts_lie_within_the_days_that_are_played() -> None:
    """Nobody shops before the start or after the end."""
    moments = [cart.at for one in shoppers(300) for cart in carts(one, START, 30)]
    assert START <= min(moments)
    assert max(moments) <= START + timedelta(days=30)


def test_the_shop_has_people_in_many_zones_and_of_every_kind() -> None:
    """Time zones, list membership and consent to text messages all vary."""
    people = shoppers(500)
    assert len({one.zone for one in people}) >= 8
    assert {one.on_list for one in people} == {one.takes_sms for one in people} == {True, False}
