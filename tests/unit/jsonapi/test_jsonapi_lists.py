"""Lists of the toy API: pages, filters, sorts, includes and sparse fields, over a real database."""

from __future__ import annotations

from typing import Any

import pytest
import toy_api as toy
from toy_api import Toy


def ids(document: dict[str, Any]) -> list[str]:
    """Return the ids of a list."""
    return [one["id"] for one in document["data"]]


async def walk(api: Toy, url: str | None, link: str = "next") -> list[list[str]]:
    """Return the ids of each page from a URL on."""
    pages = []
    while url is not None:
        document = await api.get(url)
        pages.append(ids(document))
        url = document["links"][link]
    return pages


async def test_a_list_has_the_documents_form(api: Toy) -> None:
    """A list shows resources with links, moments in whole seconds, and next and prev always."""
    document = await api.get("/api/flows?page[size]=1")

    expected = {
        "type": "flow",
        "id": "F1",
        "attributes": {
            "name": "Flow 1",
            "status": "live",
            "archived": False,
            "created": "2024-02-23T20:24:32+00:00",
            "score": 10,
        },
        "relationships": {
            "flow-actions": {
                "links": {
                    "self": "http://test/api/flows/F1/relationships/flow-actions",
                    "related": "http://test/api/flows/F1/flow-actions",
                }
            }
        },
        "links": {"self": "http://test/api/flows/F1"},
    }
    assert [expected] == document["data"]
    assert "included" not in document
    assert document["links"]["self"] == "http://test/api/flows?page%5Bsize%5D=1"
    assert document["links"]["prev"] is None
    assert document["links"]["next"].startswith("http://test/api/flows?page%5Bsize%5D=1&page%5Bcursor%5D=")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["F1", "F2", "F3", "F4", "F5", "F6", "F7"]),
        ("sort=-id", ["F7", "F6", "F5", "F4", "F3", "F2", "F1"]),
        ("sort=created", ["F1", "F2", "F3", "F4", "F5", "F6", "F7"]),
        ("sort=-created", ["F7", "F6", "F5", "F4", "F3", "F2", "F1"]),
        ("sort=score", ["F1", "F2", "F4", "F5", "F7", "F3", "F6"]),
        ("sort=-score", ["F6", "F3", "F7", "F5", "F4", "F2", "F1"]),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
async def test_pages_follow_each_other_both_ways(api: Toy, query: str, expected: list[str], size: int) -> None:
    """Following next meets every row once in order, and prev from the last page leads back over the same pages."""
    forward = await walk(api, f"/api/flows?{query}&page[size]={size}")
    assert expected == [one for page in forward for one in page]

    last: str | None = f"/api/flows?{query}&page[size]={size}"
    while (following := (await api.get(last))["links"]["next"]) is not None:
        last = following
    assert forward == list(reversed(await walk(api, last, "prev")))


async def test_a_cursor_survives_inserts_and_deletes(api: Toy) -> None:
    """A page begins after the row that the last one ended with, even when that row is gone and others came."""
    first = await api.get("/api/flows?sort=created&page[size]=3")
    await api.connection.execute(toy.flow.delete().where(toy.flow.c.id == "F3"))
    await api.connection.execute(toy.flow.insert(), [toy.flow_row(0)])

    second = await api.get(first["links"]["next"])

    assert ids(second) == ["F4", "F5", "F6"]


async def test_a_page_back_that_is_empty_leads_on_to_the_first_page(api: Toy) -> None:
    """When everything before a page was deleted, next of the empty page is the beginning."""
    second = await api.get((await api.get("/api/flows?page[size]=3"))["links"]["next"])
    await api.connection.execute(toy.flow.delete().where(toy.flow.c.id.in_(["F1", "F2", "F3"])))

    empty = await api.get(second["links"]["prev"])

    assert empty["data"] == []
    assert empty["links"]["next"] == "http://test/api/flows?page%5Bsize%5D=3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('equals(name,"Flow 2")', ["F2"]),
        ("and(equals(archived,true),equals(status,'manual'))", ["F2"]),
        ("equals(archived,true),equals(status,'manual')", ["F2"]),
        ("and(equals(status,'draft'))", ["F3", "F6"]),
        ("any(id,['F1','F7','NOPE'])", ["F1", "F7"]),
        ("contains(name,'_')", []),
        ("contains(name,'ow 3')", ["F3"]),
        ("ends-with(name,'4')", ["F4"]),
        ("starts-with(name,'Flow')", ["F1", "F2", "F3", "F4", "F5"]),
        ("greater-than(created,2024-02-28T20:24:32Z)", ["F6", "F7"]),
        ("less-than(created,2024-02-25)", ["F1", "F2"]),
        ("less-than(created,2024-02-25T00:00:00+00:00)", ["F1", "F2"]),
        ("less-than(created,2024-02-25T00:00:00%2B0000)", ["F1", "F2"]),
        ("less-than(created,2024-02-24T19:00:00-05:00)", ["F1", "F2"]),
        ("greater-or-equal(score,50)", ["F5", "F7"]),
        ("less-or-equal(score,20)", ["F1", "F2"]),
        ("equals(score,null)", ["F3", "F6"]),
        ("has(score)", ["F1", "F2", "F4", "F5", "F7"]),
        ("contains-any(labels,['n1','n2'])", ["F1", "F2"]),
        ("contains-all(labels,['all','n2'])", ["F2"]),
    ],
)
async def test_a_filter_selects(api: Toy, text: str, expected: list[str]) -> None:
    """Each operator selects the rows that it says."""
    assert expected == ids(await api.get(f"/api/flows?page[size]=5&filter={text}"))


async def test_include_loads_a_page_at_once_and_shows_data_everywhere(api: Toy) -> None:
    """Included resources appear once, every row has the relationship's data, and two statements are enough."""
    document = await api.get("/api/flows?include=flow-action&fields[flow]=name&fields[flow-action]=action_type")

    assert len(api.state.statements) == 2
    assert [[one["id"] for one in row["relationships"]["flow-actions"]["data"]] for row in document["data"]] == [
        ["1", "2", "4"],
        ["3"],
        [],
    ]
    assert [one["id"] for one in document["included"]] == ["1", "2", "4", "3"]
    assert document["included"][0]["attributes"] == {"action_type": "SEND_EMAIL"}
    assert {"data": document["included"][0]["relationships"]["flow"]["data"]} == {"data": {"type": "flow", "id": "F1"}}


async def test_included_is_present_when_nothing_was_found(api: Toy) -> None:
    """A list without rows still has an empty `included`, since it was asked for."""
    document = await api.get("/api/flows?include=flow-actions&filter=equals(name,'nobody')")
    assert (document["data"], document["included"]) == ([], [])


async def test_an_included_resource_appears_once(api: Toy) -> None:
    """Three actions of one flow include it once."""
    document = await api.get("/api/flows/F1/flow-actions?include=flow&page[size]=10")
    assert [one["id"] for one in document["included"]] == ["F1"]


async def test_a_related_list_is_paged_and_its_parent_must_exist(api: Toy) -> None:
    """Related resources are those of the parent; an unknown parent is a 404 that names it."""
    assert await walk(api, "/api/flows/F1/flow-actions") == [["1", "2"], ["4"]]
    status, errors = await api.errors("GET", "/api/flows/NOPE01/flow-actions")
    assert (status, errors[0]["detail"]) == (404, 'There is no flow with the id "NOPE01".')


async def test_another_accounts_rows_are_not_found(api: Toy) -> None:
    """A row of another account is a 404, as if it did not exist."""
    assert (await api.client.get("/api/flows/F99")).status_code == 404


async def test_a_relationship_shows_identifiers(api: Toy) -> None:
    """A to-many relationship lists identifiers with self and related; a to-one shows one."""
    many = await api.get("/api/flows/F2/relationships/flow-actions")
    assert many["data"] == [{"type": "flow-action", "id": "3"}]
    assert many["links"] == {
        "self": "http://test/api/flows/F2/relationships/flow-actions",
        "next": None,
        "prev": None,
        "related": "http://test/api/flows/F2/flow-actions",
    }
    one = await api.get("/api/flow-actions/3/relationships/flow")
    assert one["data"] == {"type": "flow", "id": "F2"}


async def test_a_missing_to_one_is_null(api: Toy) -> None:
    """A relationship to nothing is `data` null, not a 404."""
    await api.connection.execute(toy.flow.insert(), [toy.flow_row(8)])
    await api.connection.execute(toy.action.insert(), [{"id": 9, "flow_id": "F8", "kind": "X"}])
    assert (await api.get("/api/flow-actions/9/flow"))["data"]["id"] == "F8"
    await api.connection.execute(toy.action.update().where(toy.action.c.id == 9).values(flow_id="F99"))
    assert (await api.client.get("/api/flow-actions/9/flow")).status_code == 404


async def test_additional_and_sparse_fields(api: Toy) -> None:
    """A field on request appears when asked for, and dotted names keep only their parts."""
    assert "definition" not in (await api.get("/api/flows/F1"))["data"]["attributes"]
    added = await api.get("/api/flows/F1?additional-fields[flow]=definition&fields[flow]=name")
    assert {"name", "definition"} == added["data"]["attributes"].keys()
    dotted = await api.get("/api/flows/F1?fields[flow]=definition.entry,definition.actions.type,id")
    expected = {"definition": {"entry": "1", "actions": [{"type": "send-email"}, {"type": "time-delay"}]}}
    assert expected == dotted["data"]["attributes"]


async def test_linkage_is_shown_unasked(api: Toy) -> None:
    """A row that states linkage shows data without include, and no `included`."""
    document = await api.get("/api/flow-actions/3")
    assert document["data"]["relationships"]["flow"]["data"] == {"type": "flow", "id": "F2"}
    assert "included" not in document
