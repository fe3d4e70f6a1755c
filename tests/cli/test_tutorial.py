"""The tutorial does what it says: its blocks are executed as they stand, and print what it shows.

Commands that install something are not executed but held against the project's own files: a test downloads nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import tomllib
from pathlib import Path

import pytest
from tutorial_pages import ROOT, Block, Terminal, agrees, blocks_of, environment_of, started

PAGES = sorted((ROOT / "docs" / "tutorial").glob("*.md"))


def free_port() -> int:
    """Return a port of loopback on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def installed_names() -> set[str]:
    """Return the names of the packages that `make setup` installs, without versions and extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return {re.split(r"[\[<>=~ ]", one)[0] for one in wanted}


def follow(blocks: list[Block], terminal: Terminal, port: int) -> None:
    """Type every block into the second terminal, and look at what it prints."""
    for block in blocks:
        if block.code.startswith("pip install "):
            assert set(block.code.split()[2:]) <= installed_names(), block.place
        elif block.code == "python\n":
            terminal.start_python()
        else:
            printed = terminal.run(block)
            assert agrees(block.shown, printed, port), f"{block.place} shows\n{block.shown}but it printed\n{printed}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_a_newcomer_can_follow_the_page(page: Path, data_dir: Path, tmp_path: Path) -> None:
    """Every command of a page, from starting Headrace on, works as typed and prints what is shown."""
    if not all(map(shutil.which, ("bash", "curl"))):
        pytest.skip("The tutorial is followed with bash and curl, and one of them is missing.")
    start, *blocks = blocks_of(page)
    port = free_port()
    environment = environment_of(os.environ, data_dir, port)
    assert (start.lines[0], start.lines[-1]) == ("make setup", "headrace up")
    with started(start, environment, port, tmp_path / "log"):
        terminal = Terminal(tmp_path, environment)
        try:
            follow(blocks, terminal, port)
        finally:
            terminal.close()


def test_the_makefile_has_the_command_that_the_tutorial_begins_with() -> None:
    """`make setup` makes the virtual environment whose folder the pages put in front of the PATH."""
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^setup:", makefile, re.MULTILINE)
    assert "VENV := .venv\n" in makefile
    assert all('export PATH="$PWD/.venv/bin:$PATH"' in blocks_of(page)[0].lines for page in PAGES)


def test_something_else_than_the_page_shows_is_noticed() -> None:
    """Dots stand for anything in a line, or for any lines; nothing else may differ but the port."""
    shown = "The clock ... nothing.\nhttp://127.0.0.1:8027/t\n"
    assert agrees(shown, "\nThe clock stands; nothing.  \nhttp://127.0.0.1:99/t\n", 99)
    assert agrees("One\n...\n", "One\nTwo\nThree\n", 99)
    assert agrees("One\n...\n", "One\n", 99)
    assert not agrees(shown, "The clock stands; nothing\nhttp://127.0.0.1:99/t\n", 99)
    assert not agrees("", "an error", 99)


@pytest.mark.parametrize(("language", "code"), [("sh", "false | true\n"), ("python", "1 / 0\n"), ("python", "x =\n")])
def test_a_block_that_fails_is_named(language: str, code: str, tmp_path: Path) -> None:
    """A command that fails inside a pipe, an exception and a mistake of grammar each fail with the page's line."""
    terminal = Terminal(tmp_path, environment_of(os.environ, tmp_path, 1))
    try:
        if language == "python":
            terminal.start_python()
        with pytest.raises(AssertionError, match=r"page.md, line 3 failed"):
            terminal.run(Block("page.md, line 3", language, code))
    finally:
        terminal.close()
