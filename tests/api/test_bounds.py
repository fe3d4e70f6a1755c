"""Bounds of what a request's query may say: beyond each there is a clear 400 that names the parameter and the rule."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from api_client import Api

ANY = "any(id,[{}])"


def ids(count: int) -> str:
    """Return so many ids as a list in a filter holds them."""
    return ",".join(f'"{number:06}"' for number in range(count))


@pytest.mark.parametrize(
    ("asked", "parameter", "told"),
    [
        ({"x": "y" * 60_000}, "query", "at most 60000 are allowed"),
        ({f"p{number}": "" for number in range(201)}, "query", "more than 200 parameters"),
        ({"filter": f'equals(name,"{"x" * 32_768}")'}, "filter", "at most 32768 are allowed"),
        ({"filter": "and(" * 8 + 'equals(name,"x")' + ")" * 8}, "filter", "more than 8 levels"),
        ({"filter": "and(" * 3_000}, "filter", "more than 8 levels"),
        ({"filter": ",".join(['equals(name,"x")'] * 51)}, "filter", "more than 50 comparisons"),
        ({"filter": ANY.format(ids(101))}, "filter", "at most 100 are allowed"),
        ({"filter": ANY.format(ids(1001))}, "filter", "more than 1000 items"),
        ({"filter": f"equals(created,{'9' * 41})"}, "filter", "too long for a number"),
        ({"fields[flow]": ",".join(f"n{number}" for number in range(501))}, "fields[flow]", "at most 500 are allowed"),
        ({"include": ",".join(f"n{number}" for number in range(501))}, "include", "at most 500 are allowed"),
        ({"sort": "s" * 9_000}, "sort", "is not a sort key here"),
        ({"page[cursor]": "A" * 50_000}, "page[cursor]", "is not a cursor"),
        ({"page[size]": "9" * 9_000}, "page[size]", "whole number from 1 to 50"),
        ({"n" * 9_000: "1"}, "n" * 100, "is not a query parameter here"),
    ],
)
async def test_what_is_too_long_or_too_many_is_refused(
    api: Api, asked: dict[str, str], parameter: str, told: str
) -> None:
    """The answer names the rule and stays short, however long the request was."""
    answer = await api.get(f"/api/flows?{urlencode(asked)}")
    errors = answer.json()["errors"]
    assert 400 == answer.status_code
    assert {parameter} == {one["source"]["parameter"] for one in errors}
    assert any(told in one["detail"] for one in errors)
    assert len(answer.content) < 100_000


async def test_what_is_just_allowed_is_answered(api: Api) -> None:
    """A hundred ids, 50 comparisons and 8 levels are good."""
    texts = (ANY.format(ids(100)), ",".join(['equals(name,"x")'] * 50), "and(" * 7 + 'equals(name,"x")' + ")" * 7)
    answers = [await api.get(f"/api/flows?{urlencode({'filter': text})}") for text in texts]
    assert [200, 200, 200] == [one.status_code for one in answers]


@pytest.mark.parametrize("path", ["/api/flows/{}", "/api/profiles/{}", "/api/{}", "/{}", "/api/flow-actions/{}"])
async def test_a_path_without_measure_is_answered_shortly(api: Api, path: str) -> None:
    """An id of 60,000 letters is unknown or malformed, like any other."""
    answer = await api.get(path.format("x" * 60_000))
    assert answer.status_code in (400, 404)
    assert len(answer.content) < 2_000


@pytest.mark.parametrize("name", ["revision", "Authorization", "Accept", "Content-Type"])
async def test_a_header_without_measure_is_answered_shortly(api: Api, name: str) -> None:
    """A header of 60,000 letters is refused with a few of them."""
    answer = await api.post("/api/profiles", {}, headers={name: "x" * 60_000})
    assert answer.status_code in (400, 401, 406, 415)
    assert len(answer.content) < 2_000
