"""Every operation on people, lists and segments is called by a test of the official SDK."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TAGS = ("Profiles", "Lists", "Segments", "Data Privacy", "Accounts", "Events", "Templates", "Images", "Webhooks")
TAGS += ("Tags", "Tracking Settings")


def called() -> set[str]:
    """Return the names of all methods that the tests with the SDK call or pass on."""
    found: set[str] = set()
    for file in Path(__file__).parent.glob("test_sdk_*.py"):
        found |= {node.attr for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)}
    return found


@pytest.mark.parametrize("tag", TAGS)
def test_every_operation_is_called_by_the_sdk(tag: str) -> None:
    """What the published description has of a tag, the SDK's tests call."""
    rows = [line.split("\t") for line in (ROOT / "scripts" / "operations.txt").read_text().splitlines()]
    expected = {row[-1] for row in rows if row[0] == tag}
    assert expected
    assert set() == expected - called()
