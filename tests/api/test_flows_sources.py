"""What a flow's messages are written with is checked when the flow is written, and a flow has a name."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api
from flow_samples import cart_flow, creation, definition, delay, email, metric, sms, template
from people import pointers

from headrace.errors import Problems
from headrace.storage.flow_files import import_flow

DEFINITION = "/data/attributes/definition"


def with_lines(action: dict[str, Any], **lines: Any) -> dict[str, Any]:
    """Return an action whose message has other lines."""
    action["data"]["message"].update(lines)
    return action


async def test_a_flow_needs_a_name(api: Api) -> None:
    """An empty name is refused like that of a list."""
    answer = await api.post("/api/flows", creation("", definition(await metric(api), delay("wait", None))))
    assert (400, ["/data/attributes/name"]) == (answer.status_code, pointers(answer))


async def test_broken_lines_of_messages_are_pointed_to(api: Api) -> None:
    """A subject, a preview and a text with broken syntax are told at once, with their places; nothing is written."""
    mail = with_lines(email("mail", await template(api), "text"), subject_line="{% if %}", preview_text="{{ a|nope }}")
    text = with_lines(sms("text"), body="Hello {% for %}")
    answer = await api.post("/api/flows", creation("Broken", definition(await metric(api), mail, text)))
    places = ["0/data/message/subject_line", "0/data/message/preview_text", "1/data/message/body"]
    assert (400, [f"{DEFINITION}/actions/{place}" for place in places]) == (answer.status_code, pointers(answer))
    assert 0 == await api.services.database.fetch_value("SELECT count(*) FROM flow")


async def test_lines_of_a_variation_are_pointed_to(api: Api) -> None:
    """The action inside a test of an e-mail is checked too."""
    main = {"type": "send-email", "id": None, "data": email("x", None)["data"]}
    main["data"]["message"]["subject_line"] = "{{ a b }}"
    experiment = {
        "temporary_id": "test",
        "type": "ab-test",
        "links": {"next": None},
        "data": {"main_action": main, "current_experiment": None},
    }
    answer = await api.post("/api/flows", creation("Test", definition(await metric(api), experiment)))
    assert [f"{DEFINITION}/actions/0/data/main_action/data/message/subject_line"] == pointers(answer)


@pytest.mark.parametrize("fine", ["Hello {{ first_name|default:'you' }}", "", "100% {off}"])
async def test_lines_that_are_templates_pass(api: Api, fine: str) -> None:
    """Templates, plain text and nothing at all are subjects."""
    mail = with_lines(email("mail", await template(api)), subject_line=fine)
    answer = await api.post("/api/flows", creation("Fine", definition(await metric(api), mail)))
    assert 201 == answer.status_code, answer.text


async def test_a_broken_line_of_a_changed_action_is_pointed_to(api: Api) -> None:
    """A changed action is checked like a new flow, with pointers into the action."""
    flow_id = await cart_flow(api)
    actions = (await api.get(f"/api/flows/{flow_id}/flow-actions")).json()["data"]
    [text] = [one for one in actions if one["attributes"]["definition"]["type"] == "send-sms"]
    changed = with_lines(text["attributes"]["definition"], body="{% endif %}")
    body = {"data": {"type": "flow-action", "id": text["id"], "attributes": {"definition": changed}}}
    answer = await api.patch(f"/api/flow-actions/{text['id']}", body)
    assert (400, [f"{DEFINITION}/data/message/body"]) == (answer.status_code, pointers(answer))


async def test_a_broken_line_of_an_inserted_action_is_pointed_to(api: Api) -> None:
    """So is an action that is inserted."""
    new = with_lines(sms("new"), body="{{ a b }}")
    flow = {"flow": {"data": {"type": "flow", "id": await cart_flow(api)}}}
    data = {"type": "flow-action", "attributes": {"definition": new}, "relationships": flow}
    answer = await api.post("/api/flow-actions", {"data": data})
    assert (400, [f"{DEFINITION}/data/message/body"]) == (answer.status_code, pointers(answer))


async def test_a_file_with_a_broken_line_is_not_imported(api: Api) -> None:
    """An import is held to the same."""
    written = definition(await metric(api), with_lines(sms("text"), body="{{ a b }}"))
    document = {"data": {"type": "flow", "attributes": {"name": "File", "definition": written}}}
    services = api.services
    with pytest.raises(Problems) as refused:
        await import_flow(
            services.database, api.account.account_id, services.ids, services.system_clock.now(), document
        )
    assert [f"{DEFINITION}/actions/0/data/message/body"] == [one.pointer for one in refused.value.problems]


async def test_what_became_of_a_message_begins_no_flow(api: Api) -> None:
    """A metric of our own messages is no trigger, but may be asked about; one of that name from the API may be."""
    metrics, names = api.services.metrics, ["Opened Email"]
    account = await api.services.database.fetch_value("SELECT account_id FROM account LIMIT 1")
    [own, given] = [
        (await metrics.ids(account, names, integration))["Opened Email"] for integration in ("Klaviyo", "API")
    ]
    refused = await api.post("/api/flows", creation("Opened", definition(own, delay("wait", None))))
    allowed = await api.post("/api/flows", creation("Opened", definition(given, delay("wait", None))))
    assert (400, [f"{DEFINITION}/triggers/0/id"]) == (refused.status_code, pointers(refused))
    assert '"Opened Email" tells of a message' in refused.json()["errors"][0]["detail"]
    assert 201 == allowed.status_code, allowed.text
