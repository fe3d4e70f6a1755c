"""The pages of `/docs` as HTML: the list of operations, one operation, one schema.

What is here: the frame with its search and its list. What is not: what an operation's page says (`operation`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from headrace.api.docs_page.html import address, code, element, link, prose, text
from headrace.api.docs_page.operation import operation_body
from headrace.api.docs_page.schema import Schemas
from headrace.api.revisions import SERVED


class Entry(NamedTuple):
    """One operation and where it stands."""

    tag: str
    method: str
    path: str
    row: Any


def entries(document: Any) -> list[Entry]:
    """Return every operation, those of one tag together, in the order of their paths."""
    found = [
        Entry(row["tags"][0], method.upper(), path, row)
        for path, methods in document["paths"].items()
        for method, row in methods.items()
    ]
    return sorted(found, key=lambda one: one.tag)


def index_page(document: Any, asked: str) -> str:
    """Return the list of all operations, or of those in which every word that is searched for occurs."""
    found = [one for one in entries(document) if _matches(one, asked)]
    about = element("section", prose(document["info"]["description"]), class_="about") if not asked else ""
    said = "1 operation" if len(found) == 1 else f"{len(found)} operations"
    count = element("p", said, id="count", role="status")
    return _frame(
        document,
        "Headrace API",
        element("h1", "Headrace API"),
        about,
        _search(document, asked),
        count,
        *_sections(document, found),
    )


def operation_page(document: Any, operation: str, base_url: str) -> str | None:
    """Return the page of an operation, None where there is none."""
    every = entries(document)
    found = next((one for one in every if one.row["operationId"] == operation), None)
    if found is None:
        return None
    way = element("p", link(address(revision=_revision(document)), "All operations"), f" › {text(found.tag)}")
    head = element("h1", text(found.row["summary"]))
    line = element("p", _method(found.method), code(found.path), class_="address")
    beside = [one for one in every if one.tag == found.tag]
    body = operation_body(document, found.method, found.path, found.row, base_url)
    return _frame(document, found.row["summary"], way, head, line, body, _beside(document, beside, operation))


def schema_page(document: Any, name: str) -> str | None:
    """Return the page of a schema, None where there is none."""
    schema = document["components"]["schemas"].get(name)
    if schema is None:
        return None
    way = element("p", link(address(revision=_revision(document)), "All operations"))
    return _frame(document, name, way, element("h1", code(name)), Schemas(document).tree(schema))


def _matches(one: Entry, asked: str) -> bool:
    return all(word in _words(one) for word in asked.lower().split())


def _words(one: Entry) -> str:
    """Return what is searched in."""
    return f"{one.tag} {one.method} {one.path} {one.row['operationId']} {one.row['summary']}".lower()


def _search(document: Any, asked: str) -> str:
    hidden = f'<input type="hidden" name="revision" value="{text(_revision(document))}">'
    label = element("label", "Search operations", for_="q")
    field = (
        f'<input id="q" name="q" type="search" value="{text(asked)}" autocomplete="off" placeholder="flows, POST, …">'
    )
    return element("form", label, field, hidden, element("button", "Search"), role="search", action="/docs")


def _sections(document: Any, found: list[Entry]) -> Iterator[str]:
    for tag in dict.fromkeys(one.tag for one in found):
        rows = (_listed(document, one) for one in found if one.tag == tag)
        heading = element("h2", text(tag), id=f"tag-{tag.replace(' ', '-')}")
        yield element("section", heading, element("ul", *rows, class_="operations"), class_="tag")


def _listed(document: Any, one: Entry) -> str:
    to = address(one.row["operationId"], revision=_revision(document))
    content = f"{_method(one.method)}{code(one.path)}{element('span', text(one.row['summary']), class_='summary')}"
    return element("li", link(to, content), data_words=_words(one))


def _beside(document: Any, found: list[Entry], present: str) -> str:
    rows = (
        element(
            "li",
            link(
                address(one.row["operationId"], revision=_revision(document)),
                text(one.row["summary"]),
                aria_current="page" if one.row["operationId"] == present else None,
            ),
        )
        for one in found
    )
    heading = element("h2", f"More of {text(found[0].tag)}")
    return element("nav", heading, element("ul", *rows), aria_label="Operations of the same kind", class_="beside")


def _method(method: str) -> str:
    return element("span", method, class_=f"method {method.lower()}")


def _revision(document: Any) -> str:
    return str(document["info"]["version"])


def _frame(document: Any, title: str, *content: str) -> str:
    """Return a whole page."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)} · Headrace API</title>"
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs/page.css">'
        '<script src="/docs/page.js" defer></script>'
    )
    skip = link("#content", "Skip to the content", class_="skip")
    main = element("main", *content, id="content")
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{skip}{_header(document)}{main}</body></html>'


def _header(document: Any) -> str:
    present = _revision(document)
    choices = (
        element("option", one, value=one, selected="selected" if one == present else None) for one in reversed(SERVED)
    )
    label = element("label", "Revision", for_="revision")
    chosen = element("select", *choices, id="revision", name="revision")
    form = element("form", label, chosen, element("button", "Show"), action="/docs", id="revisions")
    home = link(address(revision=present), "Headrace API", class_="home")
    file = link(f"/openapi.json?revision={present}", "openapi.json")
    return element("header", home, form, file)
