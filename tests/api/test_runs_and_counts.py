"""Headrace's own operations on the counts of flows and the journals of runs."""

from __future__ import annotations

from api_client import Api
from flow_samples import cart_flow

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
