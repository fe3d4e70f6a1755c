"""Requests made up from our own description: none is answered by an error of ours, or by what is not described.

What is here: a few requests per operation, the same in every run, to a server that has something to tell of. What is
not: sequences of requests. What bodies mean is mostly refused, for a description does not know what exists; paths name
what was laid down, three times out of four.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks
from served import Served

from conformance.own_schema import descriptions
from headrace.api.revisions import NEWEST

EXAMPLES = {GenerationMode.POSITIVE: 3, GenerationMode.NEGATIVE: 1}
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
QUIET = settings(
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
PARTS = 4
"""Parts of the run, each with a server of its own."""


def description() -> Any:
    """Return the description with the links of the newest revision, as schemathesis reads it."""
    return schemathesis.openapi.from_dict(descriptions().of(NEWEST))


def operations_of(part: int) -> list[Any]:
    """Return every fourth operation."""
    every = [one.ok() for one in description().get_all_operations()]
    return every[part::PARTS]


class Shop:
    """Something of each kind, laid down over the API: ids by the first word of a path."""

    def __init__(self, served: Served) -> None:
        self.ids: dict[str, str] = {}
        self.session = requests.Session()
        self.headers = {"Authorization": f"Klaviyo-API-Key {served.key}", "revision": NEWEST}
        self._url = served.url

    def make(self, path: str, type_: str, attributes: Any, **members: Any) -> str:
        """Make one resource, keep its id under its path and return it."""
        body = {"data": {"type": type_, "attributes": attributes, **members}}
        answer = self.session.post(f"{self._url}/api/{path}", json=body, headers=self.headers, timeout=30)
        assert answer.status_code in (201, 202), answer.text
        if answer.content:
            self.ids.setdefault(path, str(answer.json()["data"]["id"]))
        return self.ids.get(path, "")

    def read(self, path: str, key: str) -> str:
        """Return the id of the first resource of a list and keep it."""
        answer = self.session.get(f"{self._url}/api/{path}", headers=self.headers, timeout=30)
        self.ids[key] = str(answer.json()["data"][0]["id"])
        return self.ids[key]


def laid_down(served: Served) -> Shop:
    """Lay down a person with an event, a list, a segment, a tag, a template and a flow that uses them."""
    shop = Shop(served)
    person = {"email": "ann@example.com", "first_name": "Ann", "properties": {"size": "M"}}
    shop.make("profiles", "profile", person)
    event = {
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": "ann@example.com"}}},
        "properties": {"items": ["Hat"]},
        "value": 12.5,
    }
    shop.make("events", "event", event)
    shop.read("events", "events")
    shop.make("lists", "list", {"name": "VIP"})
    rule = {"type": "profile-property", "property": "properties['size']"}
    rule["filter"] = {"type": "string", "operator": "equals", "value": "M"}  # type: ignore[assignment]
    shop.make("segments", "segment", {"name": "M", "definition": {"condition_groups": [{"conditions": [rule]}]}})
    shop.make("tags", "tag", {"name": "spring"})
    shop.read("tag-groups", "tag-groups")
    shop.make("templates", "template", {"name": "Hello", "editor_type": "CODE", "html": "<p>Hello</p>"})
    shop.make("flows", "flow", {"name": "Welcome", "definition": flow(shop)})
    actions = f"flows/{shop.ids['flows']}/flow-actions"
    shop.read(actions, "flow-actions")
    shop.read(f"flow-actions/{shop.ids['flow-actions']}/flow-messages", "flow-messages")
    shop.read("metrics", "metrics")
    served.work()
    return shop


def flow(shop: Shop) -> dict[str, Any]:
    """Return the definition of a flow that a list starts and that sends an e-mail."""
    message = {
        "from_email": "shop@example.com",
        "from_label": "Shop",
        "subject_line": "Hello",
        "preview_text": "",
        "template_id": shop.ids["templates"],
        "smart_sending_enabled": True,
        "transactional": False,
        "add_tracking_params": False,
    }
    send = {"type": "send-email", "temporary_id": "send", "links": {"next": None}}
    send["data"] = {"message": message, "status": "draft"}
    trigger = {"type": "list", "id": shop.ids["lists"]}
    return {"triggers": [trigger], "profile_filter": None, "actions": [send], "entry_action_id": "send"}


def aimed(case: Any, ids: Mapping[str, str], turn: int) -> Any:
    """Return the case with the id of something that exists in its path, three times out of four."""
    words = case.operation.path.split("/")
    known = ids.get(words[2] if len(words) > 2 else "") or (ids["flows"] if words[1] == "flow" else None)
    if known and turn % 4 and "id" in (case.path_parameters or {}):
        case.path_parameters["id"] = known
    return case


@pytest.fixture
def shop(served: Served) -> Iterator[Shop]:
    """The shop of one part of the run."""
    made = laid_down(served)
    yield made
    made.session.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_no_request_is_answered_by_what_is_not_described(part: int, shop: Shop, served: Served) -> None:
    """Statuses, media types, headers and bodies are as described, and none is an error of ours."""
    found: dict[str, str] = {}
    for operation in operations_of(part):
        for mode in modes_of(operation):
            try:
                tried(operation, mode, EXAMPLES[mode], shop, served)
            except Exception as error:
                found[f"{operation.method.upper()} {operation.path} ({mode.value})"] = str(error)[:1500]
    assert {} == found, "\n\n".join(f"{name}\n{text}" for name, text in found.items())


def modes_of(operation: Any) -> list[GenerationMode]:
    """Return the modes that find something: where little may be said there is little to say wrongly."""
    says_much = bool(operation.body) or any(one.name == "page[size]" for one in operation.query)
    return list(GenerationMode) if says_much else [GenerationMode.POSITIVE]


def tried(operation: Any, mode: GenerationMode, examples: int, shop: Shop, served: Served) -> None:
    """Send a few requests of one operation."""
    turns = itertools.count(1)
    public = operation.path.startswith("/client/")
    key = {"revision": NEWEST} if public else shop.headers

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(QUIET, max_examples=examples)
    def attempt(case: Any) -> None:
        aimed(case, shop.ids, next(turns))
        if public and mode is GenerationMode.POSITIVE:
            case.query["company_id"] = served.account_id
        case.call_and_validate(base_url=served.url, session=shop.session, headers=key, checks=CHECKS, timeout=30)

    # Where anything may be sent there is nothing that may not.
    with suppress(Unsatisfiable):
        attempt()
