"""Write docs/operations.md: every operation of the published description, by tag, with a tick where Headrace serves it.

`python scripts/operation_coverage.py` writes the page; `--check` only says whether it is current. What the description
has stands in `operations.txt`; `tests/unit/test_coverage_page.py` holds that file against the description where it is
at hand. What is served, the table of the API tells.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.api.resources import OPERATIONS

PUBLISHED = Path(__file__).parent / "operations.txt"
PAGE = Path(__file__).parents[1] / "docs" / "operations.md"
TICK = "✓"
HEAD = """# Operations

Every operation of Klaviyo's API at revision 2026-07-15, by tag, with a tick where Headrace serves it. What Headrace
adds is on a [page of its own](reference/headrace-api.md); what runs of a flow's definition is on the page of
[coverage](coverage.md). This page is made from the tables of the code by `make docs`.
"""


@dataclass(frozen=True, slots=True)
class Published:
    """One operation of the published description."""

    tag: str
    method: str
    path: str
    id: str


def pages() -> Mapping[Path, str]:
    """Return what this script writes, and where."""
    return {PAGE: page()}


def published() -> list[Published]:
    """Return the operations of the description by tag, path and method."""
    lines = PUBLISHED.read_text().splitlines()
    return [Published(*line.split("\t")) for line in lines if not line.startswith("#")]


def served() -> frozenset[str]:
    """Return the ids of the operations that Headrace has."""
    return frozenset(one.id for one in OPERATIONS)


def page() -> str:
    """Return the whole page."""
    by_tag: dict[str, list[Published]] = {}
    for one in published():
        by_tag.setdefault(one.tag, []).append(one)
    have = served()
    lines = [HEAD, *_summary(by_tag, have)]
    for tag, operations in by_tag.items():
        lines += _section(tag, operations, have)
    return "\n".join(lines)


def _summary(by_tag: Mapping[str, Sequence[Published]], have: frozenset[str]) -> Iterator[str]:
    """Yield how many of each tag, and of all, there are."""
    yield "| tag | served |\n|---|---|"
    for tag, operations in by_tag.items():
        yield f"| [{tag}](#{tag.lower().replace(' ', '-')}) | {_share(operations, have)} |"
    yield f"| all | {_share([one for each in by_tag.values() for one in each], have)} |\n"


def _section(tag: str, operations: Sequence[Published], have: frozenset[str]) -> Iterator[str]:
    yield f"## {tag}\n\n{tag} {_share(operations, have)}.\n"
    yield "| operation | method | path | |\n|---|---|---|---|"
    for one in operations:
        yield f"| `{one.id}` | {one.method} | `{one.path}` | {TICK if one.id in have else ''} |"
    yield ""


def _share(operations: Sequence[Published], have: frozenset[str]) -> str:
    return f"{sum(one.id in have for one in operations)} of {len(operations)}"


def main() -> None:
    """Write the page, or check it."""
    if "--check" in sys.argv:
        current = PAGE.read_text() if PAGE.exists() else ""
        sys.exit(0 if current == page() else "docs/operations.md is not current; run `make docs`")
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
