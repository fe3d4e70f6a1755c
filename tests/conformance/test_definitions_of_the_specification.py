"""Any definition that the published description allows is stored and returned unchanged, ids aside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from spec_definitions import GROUP, METRIC, SPECIFICATION, TEMPLATE, Drawer

from headrace.clock import SystemClock
from headrace.flows.definition import validate
from headrace.flows.walk import experiment_of
from headrace.ids import SeededIds
from headrace.model import Account
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.flow_rows import load_flow
from headrace.storage.flow_things import make
from headrace.storage.flows import create_flow

pytestmark = pytest.mark.skipif(not SPECIFICATION.exists(), reason="the published API description is not at hand")


def test_what_the_description_allows_is_accepted() -> None:
    """A thousand drawn definitions of all action, trigger and condition types pass the checks."""
    drawn = [Drawer.of(0).definition()]
    drawer = Drawer.of(1)
    drawn += [drawer.definition() for _ in range(1000)]
    for document in drawn:
        validate(document, creating=True)
    assert len({action["type"] for document in drawn for action in document["actions"]}) == 20
    assert len({document["triggers"][0]["type"] for document in drawn}) == 6


async def test_what_the_description_allows_comes_back_unchanged(database_dsn: str) -> None:
    """Drawn definitions are created and read back equal, but for ids and copies of templates."""
    database, ids, clock = await Database.connect(database_dsn), SeededIds(3), SystemClock()
    account = await create_account(database, ids, Account("", "Shop"), clock)
    wanted = {"metric": [METRIC], "list or segment": [GROUP], "template": [TEMPLATE]}
    async with database.transaction() as connection:
        await make(connection, account.account_id, ids, clock.now(), wanted, {}, {})
    drawer = Drawer.of(2)
    for _ in range(100):
        document = drawer.definition()
        async with database.transaction() as connection:
            flow_id = await create_flow(connection, account.account_id, ids, clock.now(), "Drawn", document)
        stored = await load_flow(database, account.account_id, flow_id)
        assert as_drawn(stored.definition) == as_drawn(document)
    await database.close()


def as_drawn(definition: dict[str, Any]) -> Any:
    """Return a definition with the ids of its actions written as temporary ones, and without those of messages."""
    text = json.dumps(definition)
    for number, action in enumerate(definition["actions"]):
        if "id" in action:
            text = text.replace(f'"{action["id"]}"', f'"t{number}"')
        for place, variation in enumerate((experiment_of(action) or {}).get("variations", [])):
            text = text.replace(f'"{variation.get("id")}"', f'"v{place}"')
    return _plain(json.loads(text))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _plain(below) for key, below in value.items() if not _is_own_id(key, value)}
    return {**kept, "template_id": "a copy"} if kept.get("template_id") else kept


def _is_own_id(key: str, holder: dict[str, Any]) -> bool:
    """Tell ids of actions and messages, which differ, from those of metrics and groups in triggers, which do not."""
    return key in ("id", "temporary_id") and holder.get("type") not in ("metric", "list", "segment")
