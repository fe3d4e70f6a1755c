"""The operations by which a flow is managed as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api_client import Api

from headrace.engine.core import Core
from headrace.engine.experiments import settle_experiments
from headrace.engine.jobs import run_jobs
from headrace.engine.setup import build_core
from headrace.messages.rendered import Workshop
from headrace.storage import flows
from headrace.storage.templates import NewTemplate, create_template

DELAY = {"unit": "hours", "value": 1, "secondary_value": 0, "timezone": "profile"}


async def _flow(api: Api, *, status: str = "live", waits: bool = True) -> str:
    """Make a flow of an e-mail, after a delay if it waits, and return its id."""
    metric = (await api.services.metrics.ids(api.account.account_id, ["Checkout Started"]))["Checkout Started"]
    async with api.services.database.transaction() as transaction:
        place = (transaction, api.account.account_id)
        now = api.services.system_clock.now()
        new = NewTemplate("Template", html="<p>Hello</p>")
        template = await create_template(*place, api.services.ids, now, new)
        message = {"name": "Mail", "subject_line": "Mail", "template_id": template}
        mail = {"temporary_id": "mail", "type": "send-email", "links": {"next": None}, "data": {"message": message}}
        wait = {"temporary_id": "wait", "type": "time-delay", "links": {"next": "mail"}, "data": DELAY}
        definition = {
            "triggers": [{"type": "metric", "id": metric, "trigger_filter": None}],
            "profile_filter": None,
            "actions": [wait, mail] if waits else [mail],
            "entry_action_id": "wait" if waits else "mail",
        }
        flow_id = await flows.create_flow(*place, api.services.ids, now, "Cart", definition)
        if status != "draft":
            await flows.set_status(*place, flow_id, status, now)
        return flow_id


def _core(api: Api) -> Core:
    services = api.services
    workshop = Workshop(services.signer, "http://headrace.test")
    return build_core(services.database, workshop, clock=services.system_clock, ids=services.ids)


async def _work_off(api: Api) -> None:
    core = _core(api)
    while await run_jobs(core):
        pass


def _back_population(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": {"type": "headrace-back-population", "attributes": attributes}}


async def test_an_archived_flow_is_shown_and_filtered_as_such(api: Api) -> None:
    """Archiving answers the flow, the filter on `archived` finds it, and its status stays."""
    flow_id, other = await _flow(api), await _flow(api)
    answer = await api.post(f"/headrace/flows/{flow_id}/archive", None)
    assert 200 == answer.status_code
    shown = answer.json()["data"]
    assert ("flow", flow_id, True, "live") == (
        shown["type"],
        shown["id"],
        shown["attributes"]["archived"],
        shown["attributes"]["status"],
    )
    for archived, expected in (("true", flow_id), ("false", other)):
        found = await api.get(f"/api/flows?filter=equals(archived,{archived})")
        assert [expected] == [one["id"] for one in found.json()["data"]]


async def test_archiving_leaves_a_job_that_can_be_followed(api: Api) -> None:
    """The job is listed by its flow and kind, and shows when it is done."""
    flow_id = await _flow(api)
    await api.post(f"/headrace/flows/{flow_id}/archive", None)
    path = f"/headrace/jobs?filter=equals(flow_id,'{flow_id}'),equals(kind,'exit-runs')"
    before = (await api.get(path)).json()["data"]
    assert ["queued"] == [one["attributes"]["state"] for one in before]
    await _work_off(api)
    after = (await api.get(f"/headrace/jobs/{before[0]['id']}")).json()["data"]
    assert ("complete", {"exited": 0}) == (after["attributes"]["state"], after["attributes"]["progress"])
    assert {"data": {"type": "flow", "id": flow_id}} == after["relationships"]["flow"]


async def test_archiving_twice_is_no_mistake(api: Api) -> None:
    """The second time nothing is begun."""
    flow_id = await _flow(api)
    for _ in range(2):
        assert 200 == (await api.post(f"/headrace/flows/{flow_id}/archive", None)).status_code
    assert 1 == len((await api.get("/headrace/jobs")).json()["data"])


async def test_a_flow_is_opened_once_everybody_is_out(api: Api) -> None:
    """While people are let out it is a conflict, afterwards the flow is open."""
    flow_id = await _flow(api)
    await api.post(f"/headrace/flows/{flow_id}/archive", None)
    refused = await api.post(f"/headrace/flows/{flow_id}/unarchive", None)
    assert 409 == refused.status_code
    assert "People are still being let out" in refused.json()["errors"][0]["detail"]
    await _work_off(api)
    opened = await api.post(f"/headrace/flows/{flow_id}/unarchive", None)
    assert (200, False) == (opened.status_code, opened.json()["data"]["attributes"]["archived"])


async def test_adding_past_profiles_answers_a_job(api: Api) -> None:
    """The answer is a job that is complete once it was worked off."""
    flow_id = await _flow(api)
    answer = await api.post(f"/headrace/flows/{flow_id}/back-populate", _back_population({}))
    assert 202 == answer.status_code
    made = answer.json()["data"]
    assert ("headrace-job", "queued", "back-populate") == (
        made["type"],
        made["attributes"]["state"],
        made["attributes"]["kind"],
    )
    again = await api.post(f"/headrace/flows/{flow_id}/back-populate", _back_population({}))
    assert (409, made["id"]) == (again.status_code, again.json()["errors"][0]["meta"]["job_id"])
    await _work_off(api)
    done = (await api.get(f"/headrace/jobs/{made['id']}")).json()["data"]["attributes"]
    assert ("complete", {"placed": 0}) == (done["state"], done["progress"])


async def test_what_cannot_take_past_profiles_is_told(api: Api) -> None:
    """A mode for a metric, a draft, and a flow without a delay are refused, each by its rule."""
    flow_id = await _flow(api)
    wrong = await api.post(f"/headrace/flows/{flow_id}/back-populate", _back_population({"mode": "at_start"}))
    assert (400, "/data/attributes/mode") == (
        wrong.status_code,
        wrong.json()["errors"][0]["source"]["pointer"],
    )
    for options, words in (({"status": "draft"}, "which is draft"), ({"waits": False}, "it has no delay")):
        other = await _flow(api, **options)  # type: ignore[arg-type]
        refused = await api.post(f"/headrace/flows/{other}/back-populate", _back_population({}))
        assert 409 == refused.status_code
        assert words in refused.json()["errors"][0]["detail"]


async def test_held_people_are_counted_and_settled(api: Api) -> None:
    """Nobody is held before a flow without a guard; releasing and discarding answer jobs, one at a time."""
    flow_id = await _flow(api)
    shown = (await api.get(f"/headrace/flows/{flow_id}/held")).json()["data"]
    assert {"runs": 0, "holding_since": None} == shown["attributes"]
    released = await api.post(f"/headrace/flows/{flow_id}/release-held", None)
    assert (202, "release-held") == (released.status_code, released.json()["data"]["attributes"]["kind"])
    assert 409 == (await api.post(f"/headrace/flows/{flow_id}/discard-held", None)).status_code
    await _work_off(api)
    assert 202 == (await api.post(f"/headrace/flows/{flow_id}/discard-held", None)).status_code


async def test_a_flow_of_nobody_is_not_found(api: Api) -> None:
    """Every operation tells that the account has no such flow."""
    for name in ("archive", "unarchive", "release-held", "discard-held"):
        assert 404 == (await api.post(f"/headrace/flows/none00/{name}", None)).status_code
    assert 404 == (await api.post("/headrace/flows/none00/back-populate", _back_population({}))).status_code
    assert 404 == (await api.get("/headrace/flows/none00/held")).status_code
    assert 404 == (await api.get("/headrace/jobs/none")).status_code


async def test_the_experiments_of_a_flow_are_shown(api: Api) -> None:
    """A running one with its figures; a flow without any has none."""
    flow_id, account_id = await _flow(api), api.account.account_id
    assert [] == (await api.get(f"/headrace/flows/{flow_id}/experiments")).json()["data"]
    metric = (await api.services.metrics.ids(account_id, ["Checkout Started"]))["Checkout Started"]
    variations = [
        {"temporary_id": name, "type": "send-sms", "data": {"message": {"body": name}, "status": "live"}}
        for name in ("A", "B")
    ]
    data = {
        "status": "live",
        "experiment_status": "live",
        "main_action": {**variations[0], "temporary_id": "main"},
        "current_experiment": {"variations": variations},
    }
    tested = {
        "triggers": [{"type": "metric", "id": metric, "trigger_filter": None}],
        "profile_filter": None,
        "actions": [{"temporary_id": "test", "type": "ab-test", "links": {"next": None}, "data": data}],
        "entry_action_id": "test",
    }
    async with api.services.database.transaction() as transaction:
        place, now = (transaction, account_id), api.services.system_clock.now()
        tried = await flows.create_flow(*place, api.services.ids, now, "Test", tested)
        await flows.set_status(*place, tried, "live", now)
    await settle_experiments(_core(api))
    (shown,) = (await api.get(f"/headrace/flows/{tried}/experiments")).json()["data"]
    figures = shown["attributes"]["figures"]
    assert ("headrace-experiment", "live", "unique-clicks") == (
        shown["type"],
        shown["attributes"]["state"],
        figures["metric"],
    )
    assert [(0, 0.5)] * 2 == [(one["recipients"], one["win_probability"]) for one in figures["variations"]]


async def test_managing_flows_takes_a_scope_of_its_own(api: Api) -> None:
    """A key that may write flows in the public API may not archive them."""
    flow_id = await _flow(api)
    key = await api.another_key(["flows:write"])
    headers = {"Authorization": f"Klaviyo-API-Key {key}"}
    assert 403 == (await api.post(f"/headrace/flows/{flow_id}/archive", None, headers=headers)).status_code
