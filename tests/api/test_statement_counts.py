"""Reading costs as many statements for many rows as for few, whatever is included.

What is here: every operation that reads, over a shop of two of everything and over the same shop with six. What is not:
how long it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from api_client import Api
from flow_samples import creation, definition, delay, email, metric, sms, template
from people import event, made_list, made_profile, members

from headrace.api.resources import OPERATIONS
from headrace.api.revisions import NEWEST
from headrace.jsonapi.operation import Operation
from headrace.storage.database import Connection

READING = [one for one in OPERATIONS if one.method == "GET" and one.resource is not None and one.until is None]
BIGGEST = {one.id: one.page.maximum for one in READING if one.page and not one.page.fixed}


class Counter:
    """Counts statements."""

    def __init__(self) -> None:
        self.statements: list[str] = []


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    """Count the statements that any connection runs."""
    counter = Counter()
    with monkeypatch.context() as patch:
        for name in ("fetch", "fetch_row", "fetch_value", "execute"):
            patch.setattr(Connection, name, _counted(getattr(Connection, name), counter))
        yield counter


def _counted(method: Any, counter: Counter) -> Any:
    async def run(self: Connection, query: Any, *args: Any) -> Any:
        counter.statements.append(str(query))
        return await method(self, query, *args)

    return run


class Shop:
    """A shop that grows: some of everything that can be read, and the first of each by its type."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.ids: dict[str, str] = {}
        self.made = 0

    async def grow(self, count: int) -> None:
        """Make `count` more of everything; what belongs to something belongs to the first of it."""
        for _ in range(count):
            self.made += 1
            await self._one()

    async def _one(self) -> None:
        api, number = self.api, self.made
        name = f"Thing {number}"
        profile = await self._person(number)
        await api.post("/api/events", event(name, person={"id": profile}, properties={f"key {number}": number}))
        await api.post("/api/events", event("Viewed", person={"id": self.ids["profile"]}, unique_id=name))
        self._know("metric", await metric(api, name))
        flow = await self._flow(await template(api, name), name)
        await self._groups(name, profile)
        tag = await self._made("/api/tags", "tag", {"name": name})
        await self._made("/api/tag-groups", "tag-group", {"name": name})
        for kind, one in (("flow", flow), ("list", self.ids["list"]), ("segment", self.ids["segment"])):
            await self._tie(tag, kind, one)
            await self._tie(self.ids["tag"], kind, self.ids[kind])
        await self._own(name)

    def _know(self, kind: str, one: str) -> str:
        self.ids.setdefault(kind, one)
        return one

    async def _made(self, path: str, kind: str, attributes: dict[str, Any], **more: Any) -> str:
        answer = await self.api.post(path, {"data": {"type": kind, "attributes": attributes, **more}})
        assert answer.status_code in (201, 202), answer.text
        return self._know(kind, answer.json()["data"]["id"])

    async def _person(self, number: int) -> str:
        profile = self._know("profile", await made_profile(self.api, email=f"p{number}@example.com"))
        token = {"token": f"token-{number}", "platform": "ios", "vendor": "apns"}
        person = {"data": {"type": "profile", "attributes": {"email": "p1@example.com"}}}
        attributes = {**token, "enablement_status": "AUTHORIZED", "background": "AVAILABLE", "profile": person}
        answer = await self.api.post("/api/push-tokens", {"data": {"type": "push-token", "attributes": attributes}})
        assert 202 == answer.status_code, answer.text
        return profile

    async def _flow(self, template_id: str, name: str) -> str:
        self._know("template", template_id)
        actions = [delay("a", "b"), email("b", template_id, "c"), sms("c")]
        answer = await self.api.post("/api/flows", creation(name, definition(self.ids["metric"], *actions)))
        assert 201 == answer.status_code, answer.text
        flow = self._know("flow", answer.json()["data"]["id"])
        for action in (await self.api.get(f"/api/flows/{flow}/flow-actions")).json()["data"]:
            found = (await self.api.get(f"/api/flow-actions/{action['id']}/flow-messages")).json()["data"]
            if found:
                self._know("flow-action", action["id"])
                self._know("flow-message", found[0]["id"])
        return flow

    async def _groups(self, name: str, profile: str) -> None:
        made = self._know("list", await made_list(self.api, name))
        for one in {made, self.ids["list"]}:
            await self.api.post(f"/api/lists/{one}/relationships/profiles", members(profile, self.ids["profile"]))
        condition = {"type": "profile-group-membership", "is_member": True, "group_ids": [made]}
        rule = {"condition_groups": [{"conditions": [condition]}]}
        await self._made("/api/segments", "segment", {"name": name, "definition": rule})
        trigger = {"triggers": [{"type": "list", "id": self.ids["list"]}], "actions": [delay("a", None)]}
        document = {**trigger, "profile_filter": None, "entry_action_id": "a"}
        assert 201 == (await self.api.post("/api/flows", creation(name, document))).status_code

    async def _tie(self, tag: str, kind: str, one: str) -> None:
        answer = await self.api.post(f"/api/tags/{tag}/relationships/{kind}s", {"data": [{"type": kind, "id": one}]})
        assert 204 == answer.status_code, answer.text

    async def _own(self, name: str) -> None:
        block = {"content_type": "block", "type": "html", "data": {"content": "<p>x</p>", "display_options": {}}}
        content = {"name": name, "definition": block}
        await self._made("/api/template-universal-content", "template-universal-content", content)
        groups = [
            {"metric_id": one, "metric_filters": []} for one in {self.ids["metric"], await metric(self.api, name)}
        ]
        await self._made(
            "/api/custom-metrics",
            "custom-metric",
            {"name": name, "definition": {"aggregation_method": "count", "metric_groups": groups}},
        )


async def cost_of(shop: Shop, operation: Operation, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Return how many statements a read takes when its caches are warm, and how many resources it shows."""
    parent = operation.parent[0] if operation.parent else operation.resource
    known = shop.ids.get(parent.type) if parent else None
    if "{" in operation.path and known is None:
        return 0, 0
    path = operation.path.replace("{id}", known or "")
    asked = {"include": ",".join(operation.includes)} if operation.includes else {}
    if operation.id in BIGGEST:
        asked["page[size]"] = str(min(50, BIGGEST[operation.id]))
    counts = []
    for _ in range(3):  # the first fills caches; what is done once in a while, beside the request, is in one of them
        with counting(monkeypatch) as counter:
            answer = await shop.api.get(path, params=asked, revision=NEWEST)
        assert 200 == answer.status_code, f"{operation.id}: {answer.text}"
        counts.append(len(counter.statements))
    data = answer.json()["data"]
    included = len(answer.json().get("included", ()))
    return min(counts), included + (len(data) if isinstance(data, list) else 1)


async def test_no_number_of_statements_grows_with_the_rows(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """With three times as many rows of everything, each operation that reads takes as many statements as before."""
    shop = Shop(api)
    await shop.grow(2)
    few = {one.id: await cost_of(shop, one, monkeypatch) for one in READING}
    await shop.grow(4)
    many = {one.id: await cost_of(shop, one, monkeypatch) for one in READING}

    assert {} == {name: (few[name], many[name]) for name in few if few[name][0] < many[name][0]}
    assert 30 < sum(few[name][1] < many[name][1] for name in few)
