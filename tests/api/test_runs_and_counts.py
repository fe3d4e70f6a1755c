"""Headrace's own operations on the counts of flows and the journals of runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from api_client import NOW, Api
from clock_calls import asks, live_flow, of_test_account, post_event
from flow_samples import cart_flow

from headrace.clock import VirtualClock
from headrace.storage.step_counts import FLOW, add_counts


async def test_a_flow_tells_how_many_entered_and_what_became_of_them(api: Api) -> None:
    """Counters come with zeros, each action in its order, reasons and branches by name."""
    flow_id = await cart_flow(api)
    actions = (await api.get(f"/api/flows/{flow_id}/flow-actions")).json()["data"]
    action_ids = [one["id"] for one in actions]
    first = action_ids[0]
    account_id = api.account.account_id
    async with api.services.database.transaction() as transaction:
        counts = {
            (account_id, flow_id, FLOW, "entered", ""): 3,
            (account_id, flow_id, FLOW, "refused", "reentry"): 1,
            (account_id, flow_id, int(first), "waiting", ""): 2,
            (account_id, flow_id, int(first), "skipped", "Smart Sending"): 1,
        }
        await add_counts(transaction, counts)

    answer = await api.get(f"/headrace/flows/{flow_id}/counts")

    assert 200 == answer.status_code, answer.text
    data = answer.json()["data"]
    attributes = data["attributes"]
    assert ("headrace-flow-counts", flow_id) == (data["type"], data["id"])
    assert (3, {"reentry": 1}, 0, {}) == tuple(
        attributes[name] for name in ("entered", "refused", "finished", "exited")
    )
    shown = {one["id"]: one for one in attributes["actions"]}
    assert sorted(action_ids) == sorted(shown)
    assert (2, {"Smart Sending": 1}, 0) == tuple(shown[first][name] for name in ("waiting", "skipped", "passed"))


async def test_counts_of_another_accounts_flow_are_not_found(api: Api) -> None:
    """A flow that the account does not have is a 404."""
    answer = await api.get("/headrace/flows/ABCDEF/counts")
    assert 404 == answer.status_code


async def test_counts_ask_for_their_own_scope(api: Api) -> None:
    """A key for the public API alone may not read them."""
    key = await api.another_key(["flows:read"])
    headers = {"Authorization": f"Klaviyo-API-Key {key}"}
    answer = await api.get("/headrace/flows/ABCDEF/counts", headers=headers)
    assert 403 == answer.status_code


async def run_of(api: Api) -> dict[str, Any]:
    """Let somebody pass through a flow on a test account's clock and return the run's resource."""
    flow_id = await live_flow(api)
    await post_event(api)
    await api.post("/headrace/clock", asks("advance", by="5h"))
    answer = await api.get(f'/headrace/runs?filter=equals(flow_id,"{flow_id}")')
    assert 200 == answer.status_code, answer.text
    (run,) = answer.json()["data"]
    found: dict[str, Any] = run
    return found


async def test_runs_are_listed_and_filtered(api: Api) -> None:
    """By flow, profile and state; the resource tells where a run stands."""
    shop = await of_test_account(api, VirtualClock(NOW))
    run = await run_of(shop)
    profile_id = run["relationships"]["profile"]["data"]["id"]

    found = [
        len((await shop.get(f"/headrace/runs?filter={text}")).json()["data"])
        for text in (
            f'equals(profile_id,"{profile_id}")',
            'equals(profile_id,"01H0000000000000000000000")',
            "equals(state,'waiting')",
            "any(state,['parked','finished'])",
        )
    ]

    assert [1, 0, 1, 0] == found
    attributes = run["attributes"]
    assert ("waiting", "event", (NOW + timedelta(hours=8)).isoformat()) == tuple(
        attributes[name] for name in ("state", "source", "resume_at")
    )
    assert (await shop.get(f"/headrace/runs/{run['id']}")).json()["data"]["id"] == run["id"]


async def test_a_journal_tells_each_step(api: Api) -> None:
    """Time, action, outcome; in order."""
    shop = await of_test_account(api, VirtualClock(NOW))
    run = await run_of(shop)

    answer = await shop.get(f"/headrace/runs/{run['id']}/journal")

    steps = [one["attributes"] for one in answer.json()["data"]]
    assert ["waiting", "queued", "waiting"] == [one["outcome"] for one in steps]
    assert 'send-email "Reminder"' == steps[1]["action"]
    assert [0, 4, 4] == [(datetime.fromisoformat(one["at"]) - NOW) // timedelta(hours=1) for one in steps]


async def test_runs_of_another_account_are_not_found(api: Api) -> None:
    """Neither the run nor its journal."""
    run = await run_of(await of_test_account(api, VirtualClock(NOW)))
    for path in (f"/headrace/runs/{run['id']}", f"/headrace/runs/{run['id']}/journal", "/headrace/runs/x/journal"):
        assert 404 == (await api.get(path)).status_code
