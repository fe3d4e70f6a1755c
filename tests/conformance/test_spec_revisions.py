"""The rows of every revision of which a description is at hand offer what it says, and exist where it has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from spec_rows import differences, ours, published

from headrace.api.resources import OPERATIONS, RESOURCES
from headrace.api.revisions import Revisions, Surface
from headrace.api.revisions.changes import CHANGES
from headrace.jsonapi.operation import Operation
from published import REVISIONS, description, path_of

CHAIN = Revisions.of(Surface.of(OPERATIONS, RESOURCES), CHANGES)
PUBLISHED = ("/api/", "/client/")
UNVERSIONED = ("limit",)
"""How often a key may ask does not depend on the revision: the newest description says it (`test_spec_rows`)."""
IDS_SINCE = "2026-04-15"
"""From here on `id` may be named in `fields[...]`. Our choice: it may be in every revision."""
UNLIKE: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("2024-02-15", "get_action_ids_for_flow"): ("paged",),
    ("2024-02-15", "get_flow_action_messages"): ("paged",),
    ("2024-02-15", "get_campaign"): ("sparse",),
    ("2024-02-15", "get_campaigns"): ("sparse",),
}
"""What is unlike on purpose: a list without cursors would end at its first page, and there are no campaigns to show."""


def rows_of(revision: str) -> Iterator[tuple[Operation, str | None]]:
    """Yield the published operations as a revision shows them, each with the path under which it is described."""
    for one in CHAIN.surfaces[revision].operations.values():
        if one.path.startswith(PUBLISHED):
            yield one, path_of(revision, one.method, one.path.replace("{", "").replace("}", ""))


def exists(one: Operation, revision: str) -> bool:
    """Tell whether a revision has an operation."""
    return (one.since is None or revision >= one.since) and (one.until is None or revision < one.until)


def apart(one: Operation, path: str, revision: str) -> dict[str, Any]:
    """Return what differs between a row and its description."""
    described = description(revision)["paths"][path][one.method.lower()]
    found = ours(one, CHAIN.surfaces[revision].resources)
    expected = published(one.method, path, described)
    for each in (expected, found):
        each["path"] = each["path"].rstrip("/")
        each["sparse"] = {name: _counted(words, revision) for name, words in each["sparse"].items()}
    passed_over = (*UNVERSIONED, "tag", *UNLIKE.get((revision, one.id), ()))
    return {name: each for name, each in differences(expected, found).items() if name not in passed_over}


def _counted(words: list[str], revision: str) -> list[str]:
    return [word for word in words if word != "id" or revision >= IDS_SINCE]


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    """Each revision of which a description is at hand."""
    found = str(request.param)
    if description(found) is None:
        pytest.skip(f"the published description of {found} is not at hand: it is not part of Headrace")
    return found


def test_operations_exist_where_they_are_described(revision: str) -> None:
    """An operation exists in a revision just when its description has it."""
    wrong = {one.id: path for one, path in rows_of(revision) if exists(one, revision) != (path is not None)}
    assert {} == wrong


def test_rows_offer_what_is_described(revision: str) -> None:
    """Filters, sorts, includes, sizes of pages, fields and additional fields of every operation of a revision."""
    found = {one.id: apart(one, path, revision) for one, path in rows_of(revision) if path and exists(one, revision)}
    assert found
    assert {} == {name: each for name, each in found.items() if each}
