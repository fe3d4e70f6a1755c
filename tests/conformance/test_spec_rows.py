"""The rows of operations on people, lists and segments offer what the published description says, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from spec_rows import SERVED, differences, operations_of, ours, published

from published import LATEST, description

TAGS = ("Profiles", "Lists", "Segments", "Metrics", "Data Privacy", "Templates", "Images", "Webhooks")
TAGS += ("Tags", "Tracking Settings")
CLIENT = (
    *("create_client_event", "bulk_create_client_events", "create_client_profile", "create_client_subscription"),
    *("create_client_push_token", "unregister_client_push_token"),
)
"""The operations of browsers and phones that are served; the others are about parts that Headrace does not have."""
GUIDE = {(75, 750, None): (75, 700, None)}
"""Rate limits that the description and the service's guide to limits tell differently; either will do."""

pytestmark = pytest.mark.skipif(
    description(LATEST) is None,
    reason=f"the published description of {LATEST} is not at hand: it is not part of Headrace",
)


def _apart(method: str, path: str, operation: Any) -> dict[str, Any]:
    """Return what differs between the description and our row."""
    row = SERVED.get(operation["operationId"])
    if row is None:
        return {"id": (operation["operationId"], None)}
    expected, found = published(method, path, operation), ours(row)
    for one in (expected, found):
        one["limit"] = GUIDE.get(one["limit"], one["limit"])
    return differences(expected, found)


@pytest.mark.parametrize("tag", TAGS)
def test_rows_are_as_the_description_has_them(tag: str) -> None:
    """Paths, scopes, limits, filters, sorts, includes, sizes of pages, and fields of every operation of a tag."""
    found = {one[2]["operationId"]: _apart(*one) for one in operations_of(tag)}
    assert found
    assert {} == {name: apart for name, apart in found.items() if apart}


def test_public_rows_are_as_the_description_has_them() -> None:
    """The operations of browsers and phones, which need no key."""
    published = {one[2]["operationId"]: one for one in operations_of("Client")}
    assert {} == {name: apart for name in CLIENT if (apart := _apart(*published[name]))}
    assert [[]] * len(CLIENT) == [published[name][2]["security"] for name in CLIENT]
    assert [True] * len(CLIENT) == [SERVED[name].public for name in CLIENT]
