"""The application as a whole: its rows, its own description, and keys in the storage."""

from __future__ import annotations

import pytest
from api_client import Api

from headrace.api.resources import OPERATIONS, RESOURCES
from headrace.api.revisions import SERVED, Revisions, Surface
from headrace.api.revisions.changes import CHANGES
from headrace.jsonapi.routes import check_operations
from headrace.storage.keys import key_hash


async def test_the_description_names_every_operation(api: Api) -> None:
    """/openapi.json needs no key and has each row's path and method, under its own id."""
    document = (await api.http.get("/openapi.json")).json()
    described = {
        (path, method.upper()): operation["operationId"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert {(one.path, one.method): one.id for one in OPERATIONS} == described


async def test_the_description_tells_what_a_report_may_ask(api: Api) -> None:
    """The body of the flow-values report is described down to its enumerations, and the parts of it that are needed."""
    schemas = (await api.http.get("/openapi.json")).json()["components"]["schemas"]
    data = schemas["QueryFlowValuesBody"]["properties"]["data"]["$ref"].rpartition("/")[2]
    attributes = schemas[data]["properties"]["attributes"]
    members = attributes["properties"]
    assert ["statistics", "timeframe", "conversion_metric_id"] == attributes["required"]
    assert (31, 10) == tuple(len(members[one]["items"]["enum"]) for one in ("statistics", "group_by"))
    assert 14 == len(members["timeframe"]["anyOf"][0]["properties"]["key"]["enum"])


@pytest.mark.parametrize("revision", SERVED)
def test_the_rows_of_every_revision_are_sound(revision: str) -> None:
    """No revision's rows contradict one another: includes lead somewhere, filters become SQL."""
    surface = Revisions.of(Surface.of(OPERATIONS, RESOURCES), CHANGES).surfaces[revision]
    check_operations(surface.operations.values(), surface.resources)


def test_every_operation_needs_a_scope() -> None:
    """A key without scopes can do nothing at all but what anybody may who knows the public id."""
    assert [] == [one.id for one in OPERATIONS if not one.scopes and not one.public]


async def test_keys_are_kept_as_hashes(api: Api) -> None:
    """The database holds a key's hash and nowhere the key."""
    row = await api.services.database.fetch_row("SELECT * FROM api_key")
    assert row is not None
    assert key_hash(api.key) == row["key_hash"]
    assert api.key not in str(dict(row))
