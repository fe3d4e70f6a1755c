"""What the page of one operation says: who may call it, its parameters, body, an example, and its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from headrace.api.docs_page.html import code, codes, element, inline, prose, text
from headrace.api.docs_page.samples import BODIES
from headrace.api.docs_page.schema import Schemas

SCHEMES = {
    "ApiKey": "a private key: <code>Authorization: Klaviyo-API-Key pk_…</code>",
    "Bearer": "the same key as a bearer token: <code>Authorization: Bearer pk_…</code>",
    "CompanyId": "the account's public id: <code>?company_id=…</code>, and no key",
}
FORM = "multipart/form-data"


def operation_body(document: Any, method: str, path: str, row: Any, base_url: str) -> str:
    """Return the sections of an operation's page."""
    schemas = Schemas(document)
    parts = [
        _facts(row),
        _parameters(row["parameters"], schemas),
        _body(row, schemas),
        _request(method, path, row, schemas, base_url),
        _answers(document, row, schemas),
    ]
    return "".join(parts)


def _section(title: str, *content: str) -> str:
    return element("section", element("h2", title), *content)


def _facts(row: Any) -> str:
    """Return who may call the operation, and how often."""
    facts = {
        "Id": code(row["operationId"]),
        "Called with": ", or ".join(SCHEMES[name] for one in row["security"] for name in one),
        "Scopes": codes(row["x-scopes"]) or "none",
        "Rate limits": _limits(row),
        "Since": code(row["x-since"]) if "x-since" in row else "",
    }
    rows = (element("dt", name) + element("dd", shown) for name, shown in facts.items() if shown)
    return element("dl", *rows, class_="facts")


def _limits(row: Any) -> str:
    shown = _limit(row["x-rate-limit"])
    others = (f"{code(asked)}: {_limit(limit)}" for asked, limit in row.get("x-rate-limit-of", {}).items())
    return "; with ".join([shown, *others])


def _limit(limit: Mapping[str, str]) -> str:
    return ", ".join(f"{text(name)} {code(value)}" for name, value in limit.items())


def _parameters(parameters: Sequence[Any], schemas: Schemas) -> str:
    ordered = sorted(parameters, key=lambda one: ("path", "query", "header").index(one["in"]))
    rows = (_parameter(one, schemas) for one in ordered)
    return _section("Parameters", element("ul", *rows, class_="members"))


def _parameter(one: Any, schemas: Schemas) -> str:
    mark = element("span", "required", class_="required") if one.get("required") else ""
    place = element("span", one["in"], class_="place")
    kind = element("span", schemas.type_of(one["schema"]), class_="type")
    head = f"{code(one['name'])} {place} {kind} {mark}"
    example = element("p", "For example ", code(one["example"])) if "example" in one else ""
    return element("li", head, prose(one.get("description", "")), example)


def _body(row: Any, schemas: Schemas) -> str:
    if "requestBody" not in row:
        return ""
    media_type, media = next(iter(row["requestBody"]["content"].items()))
    return _section("Request body", element("p", code(media_type)), schemas.tree(media["schema"]))


def _request(method: str, path: str, row: Any, schemas: Schemas, base_url: str) -> str:
    """Return the operation as a call of curl, with a value for everything that is required."""
    public = any("CompanyId" in one for one in row["security"])
    lines = [f"curl -X {method} '{base_url}{_called(path, row, schemas)}{_query(row)}'"]
    lines += [] if public else ["-H 'Authorization: Klaviyo-API-Key YOUR_PRIVATE_KEY'"]
    revision = next((one for one in row["parameters"] if one["name"] == "revision"), None)
    lines += [f"-H 'revision: {revision['schema']['default']}'"] if revision else []
    lines += _sent(row, schemas)
    shown = element("pre", code(" \\\n  ".join(lines)), tabindex="0", aria_label="Example request")
    return _section("Example request", element("div", shown, class_="copied"))


def _called(path: str, row: Any, schemas: Schemas) -> str:
    """Return the path with the id that the body names, where it names one."""
    if "{id}" not in path or "requestBody" not in row:
        return path
    media = next(iter(row["requestBody"]["content"].values()))
    data = _example(row, media, schemas)["data"]
    return path.replace("{id}", data["id"]) if isinstance(data, dict) and "id" in data else path


def _query(row: Any) -> str:
    required = [one["name"] for one in row["parameters"] if one["in"] == "query" and one.get("required")]
    return "?" + "&".join(f"{quote(one)}={one.upper()}" for one in required) if required else ""


def _sent(row: Any, schemas: Schemas) -> list[str]:
    if "requestBody" not in row:
        return []
    media_type, media = next(iter(row["requestBody"]["content"].items()))
    example = _example(row, media, schemas)
    if media_type == FORM:
        return [f"-F '{name}={'@file' if value == '(a file)' else value}'" for name, value in example.items()]
    return [f"-H 'Content-Type: {media_type}'", f"--data '{_json(example)}'"]


def _example(row: Any, media: Any, schemas: Schemas) -> Any:
    """Return a body that the operation takes."""
    return BODIES.get(row["operationId"]) or schemas.example(media["schema"])


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False).replace("'", "’")


def _answers(document: Any, row: Any, schemas: Schemas) -> str:
    good = {status: one for status, one in row["responses"].items() if "$ref" not in one}
    shown = [_answer(status, one, schemas) for status, one in good.items()]
    return _section("Answers", *shown, element("h3", "Errors"), _errors(document, row))


def _answer(status: str, answer: Any, schemas: Schemas) -> str:
    head = element("h3", f"{text(status)} {inline(answer['description'])}")
    if "content" not in answer:
        return head + element("p", "The answer is empty.")
    media_type, media = next(iter(answer["content"].items()))
    example = element("pre", code(_json(schemas.example(media["schema"]))), tabindex="0", aria_label="Example answer")
    folded = element("details", element("summary", "Example"), example)
    return head + element("p", code(media_type)) + schemas.tree(media["schema"]) + folded


def _errors(document: Any, row: Any) -> str:
    known = document["components"]["responses"]
    found = {
        status: known[one["$ref"].rpartition("/")[2]]["description"]
        for status, one in row["responses"].items()
        if "$ref" in one
    }
    rows = (element("dt", code(status)) + element("dd", inline(said)) for status, said in found.items())
    return element("dl", *rows, class_="facts errors")
