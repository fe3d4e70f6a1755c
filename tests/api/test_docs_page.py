"""The pages at /docs: every operation has one, they load nothing from elsewhere, and they work without scripts."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest
from api_client import Api

from headrace.api.resources import OPERATIONS
from headrace.api.revisions import OLDEST

VOID = {"meta", "link", "input", "!doctype"}


class Page(HTMLParser):
    """What a test wants to know of a page: its links, what it loads, its headings, and whether its elements nest."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.headings: list[str] = []
        self.labeled: set[str] = set()
        self.fields: set[str] = set()
        self.open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        given = dict(attrs)
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag in ("script", "link", "img"):
            self.loaded.append(given.get("src") or given.get("href") or "")
        if tag in ("h1", "h2", "h3"):
            self.headings.append(tag)
        if tag == "label":
            self.labeled.add(given.get("for") or "")
        if tag in ("input", "select") and given.get("type") != "hidden":
            self.fields.add(given.get("id") or "?")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Expect that the element opened last is closed."""
        assert tag == self.open.pop(), self.getpos()


async def page(api: Api, path: str) -> Page:
    """Return a page that must be there."""
    answer = await api.http.get(path)
    assert 200 == answer.status_code, path
    found = Page(answer.text)
    assert [] == found.open
    return found


async def test_every_operation_has_a_page(api: Api) -> None:
    """The list leads to each operation's page, whose elements nest, whose headings begin with one h1."""
    index = await page(api, "/docs")
    listed = [re.sub(r"\?.*", "", one).removeprefix("/docs/") for one in index.links if one.startswith("/docs/")]
    assert sorted(one.id for one in OPERATIONS) == sorted(listed)
    for operation in OPERATIONS:
        found = await page(api, f"/docs/{operation.id}")
        assert "h1" == found.headings[0], operation.id
        assert 1 == found.headings.count("h1")


async def test_pages_load_nothing_from_elsewhere(api: Api) -> None:
    """Style and script are our own, and the policy permits no others."""
    answer = await api.http.get("/docs/create_flow")
    found = Page(answer.text)
    assert ["data:,", "/docs/page.css", "/docs/page.js"] == found.loaded
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for part in ("page.css", "page.js"):
        assert 200 == (await api.http.get(f"/docs/{part}")).status_code
    assert "text/javascript" in (await api.http.get("/docs/page.js")).headers["content-type"]


async def test_every_link_of_an_operation_leads_somewhere(api: Api) -> None:
    """Links to schemas, to neighbors and to the description are all served."""
    found = await page(api, "/docs/create_flow")
    broken = [one for one in set(found.links) if one[0] == "/" and (await api.http.get(one)).status_code != 200]
    assert [] == broken


async def test_fields_have_labels(api: Api) -> None:
    """Whoever cannot see the page is told what each field is for."""
    found = await page(api, "/docs")
    assert ({"q", "revision"}, set()) == (found.fields, found.fields - found.labeled)


async def test_a_search_needs_no_script(api: Api) -> None:
    """The list narrows to operations that have every word; what was searched for is shown escaped."""
    answer = await api.http.get("/docs", params={"q": "flow POST back-populate"})
    links = [one for one in Page(answer.text).links if "back_populate" in one]
    assert 1 == len(links)
    assert "1 operation<" in answer.text
    assert "&lt;script" in (await api.http.get("/docs", params={"q": "<script"})).text


async def test_an_operation_tells_what_it_needs(api: Api) -> None:
    """Scopes, limits, an example request, filters and the answer's members are on the page."""
    text = (await api.http.get("/docs/get_flows")).text
    for one in ("flows:read", "60/m", "curl -X GET", "trigger_type", "FlowResource", "revision: 2026-10-15"):
        assert one in text, one


EXAMPLE = re.compile(r"curl -X (\w+) 'http://[^/]*(/[^']*)'.*--data '(.*\n\})'</code>", re.DOTALL)
LACKING = re.compile(r"[A-Z]_ID|not a test account|There is no |does not exist")
"""What an account without anything in it lacks: the things that an example names by METRIC_ID and the like."""


async def test_example_requests_are_taken(api: Api) -> None:
    """Sent as they stand they are refused for nothing but what the account does not have."""
    sent = 0
    for operation in OPERATIONS:
        found = EXAMPLE.search(html.unescape((await api.http.get(f"/docs/{operation.id}")).text))
        if found is None:
            continue
        path = found[2].replace("COMPANY_ID", api.account.account_id)
        headers = {"Authorization": ""} if path.startswith("/client/") else {}
        answer = await api.send(found[1], path, json.loads(found[3]), headers=headers)
        said = [one["detail"] for one in answer.json()["errors"]] if answer.status_code >= 400 else []
        assert [] == [one for one in said if not LACKING.search(one)], operation.id
        sent += 1
    assert sent > 60


async def test_an_older_revision_has_its_own_pages(api: Api) -> None:
    """What a revision does not have is not shown; a revision that is not served is a 400."""
    text = (await api.http.get("/docs", params={"revision": OLDEST})).text
    assert "/docs/get_flows?" in text
    assert "/docs/create_flow_action?" not in text
    assert 404 == (await api.http.get("/docs/create_flow_action", params={"revision": OLDEST})).status_code
    for path in ("/docs", "/openapi.json"):
        assert 400 == (await api.http.get(path, params={"revision": "2023-01-01"})).status_code


@pytest.mark.parametrize("path", ["/docs/nothing", "/docs/schemas/Nothing"])
async def test_what_is_not_described_is_not_found(path: str, api: Api) -> None:
    """An unknown name is a 404."""
    assert 404 == (await api.http.get(path)).status_code
