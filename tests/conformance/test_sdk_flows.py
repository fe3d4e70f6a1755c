"""The official SDK makes and reads flows, their actions and messages, templates, tags and reports."""

from __future__ import annotations

from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import ApiException
from sdk_bodies import document, ids_of


def made_template(klaviyo: KlaviyoAPI, html: str = "<p>Hello {{ first_name }}</p>") -> str:
    """Make a template and return its id."""
    attributes = {"name": "Cart", "editor_type": "CODE", "html": html, "text": "Hello"}
    made = klaviyo.Templates.create_template({"data": {"type": "template", "attributes": attributes}})
    return str(document(made)["data"]["id"])


def made_metric(klaviyo: KlaviyoAPI, name: str = "Started Checkout") -> str:
    """Record an event, so that its metric exists, and return the metric's id."""
    attributes = {
        "properties": {},
        "metric": {"data": {"type": "metric", "attributes": {"name": name}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": "sarah@example.com"}}},
    }
    klaviyo.Events.create_event({"data": {"type": "event", "attributes": attributes}})
    rows = document(klaviyo.Metrics.get_metrics())["data"]
    return next(str(one["id"]) for one in rows if one["attributes"]["name"] == name)


def definition(metric_id: str, template_id: str) -> dict[str, Any]:
    """Return a definition: delay, split, e-mail on YES, text message on NO."""
    sample = {"condition_groups": [{"conditions": [{"type": "profile-sample", "percentage": 50}]}]}
    message = {
        "from_email": "shop@example.com",
        "from_label": "Shop",
        "subject_line": "Your cart",
        "preview_text": "",
        "template_id": template_id,
        "name": "E-mail 1",
    }
    return {
        "triggers": [{"type": "metric", "id": metric_id, "trigger_filter": None}],
        "profile_filter": None,
        "actions": [
            {
                "temporary_id": "wait",
                "type": "time-delay",
                "links": {"next": "half"},
                "data": {"unit": "hours", "value": 4, "secondary_value": 0, "timezone": "profile"},
            },
            {
                "temporary_id": "half",
                "type": "conditional-split",
                "links": {"next_if_true": "mail", "next_if_false": "text"},
                "data": {"profile_filter": sample},
            },
            {
                "temporary_id": "mail",
                "type": "send-email",
                "links": {"next": None},
                "data": {"message": message, "status": "draft"},
            },
            {
                "temporary_id": "text",
                "type": "send-sms",
                "links": {"next": None},
                "data": {"message": {"body": "Your cart?", "name": "SMS 1"}, "status": "draft"},
            },
        ],
        "entry_action_id": "wait",
    }


def made_flow(klaviyo: KlaviyoAPI) -> str:
    """Make a flow and return its id."""
    attributes = {
        "name": "Abandoned Cart",
        "definition": definition(made_metric(klaviyo), made_template(klaviyo)),
    }
    made = klaviyo.Flows.create_flow({"data": {"type": "flow", "attributes": attributes}})
    return str(document(made)["data"]["id"])


def action_of(klaviyo: KlaviyoAPI, flow_id: str, action_type: str = "SEND_EMAIL") -> str:
    """Return the id of a flow's action of a type."""
    [action_id] = ids_of(klaviyo.Flows.get_actions_for_flow(flow_id, filter=f"equals(action_type,'{action_type}')"))
    return action_id


def message_of(klaviyo: KlaviyoAPI, flow_id: str) -> str:
    """Return the id of the message of a flow's e-mail."""
    [message_id] = ids_of(klaviyo.Flows.get_messages_for_flow_action(action_of(klaviyo, flow_id)))
    return message_id


def test_the_sdk_makes_and_reads_a_flow_with_its_definition(klaviyo: KlaviyoAPI) -> None:
    """A flow is created as a draft, and its definition comes back with real ids."""
    flow_id = made_flow(klaviyo)
    found = document(klaviyo.Flows.get_flow(flow_id, additional_fields_flow=["definition"], include=["flow-actions"]))
    attributes = found["data"]["attributes"]
    assert ("Abandoned Cart", "draft", "Metric") == (
        attributes["name"],
        attributes["status"],
        attributes["trigger_type"],
    )
    assert attributes["definition"]["entry_action_id"] == attributes["definition"]["actions"][0]["id"]
    assert len(found["included"]) == 4


def test_the_sdk_lists_flows(klaviyo: KlaviyoAPI) -> None:
    """Flows are found by filter, sorted, and turned page by page by the SDK's own cursor."""
    made = sorted(made_flow(klaviyo) for _ in range(3))
    first = klaviyo.Flows.get_flows(filter="equals(trigger_type,'Metric')", sort="id", page_size=2)
    second = klaviyo.Flows.get_flows(
        filter="equals(trigger_type,'Metric')", sort="id", page_size=2, page_cursor=document(first)["links"]["next"]
    )
    assert made == [*ids_of(first), *ids_of(second)]


def test_the_sdk_sets_a_status(klaviyo: KlaviyoAPI) -> None:
    """A flow goes live with every action in it, and can be deleted."""
    flow_id = made_flow(klaviyo)
    body = {"data": {"type": "flow", "id": flow_id, "attributes": {"status": "live"}}}
    assert "live" == document(klaviyo.Flows.update_flow(flow_id, body))["data"]["attributes"]["status"]
    assert 2 == len(ids_of(klaviyo.Flows.get_actions_for_flow(flow_id, filter="equals(status,'live')")))
    klaviyo.Flows.delete_flow(flow_id)
    with pytest.raises(ApiException) as caught:
        klaviyo.Flows.get_flow(flow_id)
    assert caught.value.status == 404


def test_the_sdk_changes_an_action(klaviyo: KlaviyoAPI) -> None:
    """An action's definition is read, changed and replaced as a whole."""
    flow_id = made_flow(klaviyo)
    action_id = action_of(klaviyo, flow_id, "TIME_DELAY")
    wanted = document(klaviyo.Flows.get_flow_action(action_id))["data"]["attributes"]["definition"]
    wanted["data"]["value"] = 9
    body = {"data": {"type": "flow-action", "id": action_id, "attributes": {"definition": wanted}}}
    changed = document(klaviyo.Flows.update_flow_action(action_id, body))
    assert changed["data"]["attributes"]["definition"]["data"]["value"] == 9


def test_the_sdk_deletes_an_action(klaviyo: KlaviyoAPI) -> None:
    """What led to a deleted action leads to its successor."""
    flow_id = made_flow(klaviyo)
    klaviyo.Flows.delete_flow_action(action_of(klaviyo, flow_id, "TIME_DELAY"))
    found = document(klaviyo.Flows.get_flow(flow_id, additional_fields_flow=["definition"]))
    assert found["data"]["attributes"]["definition"]["entry_action_id"] == action_of(klaviyo, flow_id, "BOOLEAN_BRANCH")


def test_the_sdk_inserts_an_action(klaviyo: KlaviyoAPI) -> None:
    """A new action goes onto the link of an existing one."""
    flow_id = made_flow(klaviyo)
    wait = action_of(klaviyo, flow_id, "TIME_DELAY")
    anchor = {
        "type": "flow-action",
        "id": wait,
        "attributes": {"definition": {"type": "time-delay", "links": {"next": "new"}}},
    }
    new = {
        "temporary_id": "new",
        "type": "time-delay",
        "links": {"next": None},
        "data": {"unit": "minutes", "value": 5},
    }
    body = {"data": {"type": "flow-action", "attributes": {"definition": new, "anchor-action": {"data": anchor}}}}
    made = document(klaviyo.Flows.create_flow_action(body))["data"]
    before = document(klaviyo.Flows.get_flow_action(wait))["data"]["attributes"]["definition"]
    assert made["id"] == before["links"]["next"]


def test_the_sdk_walks_from_a_flow_to_its_template(klaviyo: KlaviyoAPI) -> None:
    """Every related resource and relationship of actions and messages can be read."""
    flow_id = made_flow(klaviyo)
    action_id, message_id = action_of(klaviyo, flow_id), message_of(klaviyo, flow_id)
    flows = klaviyo.Flows
    [template_id] = [document(flows.get_template_for_flow_message(message_id))["data"]["id"]]
    assert flow_id == document(flows.get_flow_for_flow_action(action_id))["data"]["id"]
    assert flow_id == document(flows.get_flow_id_for_flow_action(action_id))["data"]["id"]
    assert action_id in ids_of(flows.get_action_ids_for_flow(flow_id))
    assert [message_id] == ids_of(flows.get_message_ids_for_flow_action(action_id))
    assert action_id == document(flows.get_action_for_flow_message(message_id))["data"]["id"]
    assert action_id == document(flows.get_action_id_for_flow_message(message_id))["data"]["id"]
    assert template_id == document(flows.get_template_id_for_flow_message(message_id))["data"]["id"]
    message = document(flows.get_flow_message(message_id, include=["template", "flow-action"]))
    assert {template_id, action_id} == {one["id"] for one in message["included"]}
    assert message["data"]["attributes"]["channel"] == "Email"


def test_the_sdk_changes_the_template_behind_a_message(klaviyo: KlaviyoAPI) -> None:
    """The message's own copy is changed by its id, and cannot be deleted while the message has it."""
    template_id = document(klaviyo.Flows.get_template_for_flow_message(message_of(klaviyo, made_flow(klaviyo))))[
        "data"
    ]["id"]
    body = {"data": {"type": "template", "id": template_id, "attributes": {"html": "<p>New</p>"}}}
    changed = document(klaviyo.Templates.update_template(template_id, body))
    assert "<p>New</p>" == changed["data"]["attributes"]["html"]
    with pytest.raises(ApiException) as caught:
        klaviyo.Templates.delete_template(template_id)
    assert caught.value.status == 409


def test_the_sdk_makes_lists_copies_and_deletes_templates(klaviyo: KlaviyoAPI) -> None:
    """Templates are listed by name, copied and deleted."""
    template_id = made_template(klaviyo)
    body = {"data": {"type": "template", "id": template_id, "attributes": {"name": "Second"}}}
    copy_id = document(klaviyo.Templates.clone_template(body))["data"]["id"]
    assert [copy_id] == ids_of(klaviyo.Templates.get_templates(filter="equals(name,'Second')"))
    klaviyo.Templates.delete_template(template_id)
    assert [copy_id] == ids_of(klaviyo.Templates.get_templates())
    assert "CODE" == document(klaviyo.Templates.get_template(copy_id))["data"]["attributes"]["editor_type"]


def test_the_sdk_tags_a_flow(klaviyo: KlaviyoAPI) -> None:
    """A tag is made in the default group, tied to a flow, seen from both sides, untied, renamed and deleted."""
    flow_id, tags = made_flow(klaviyo), klaviyo.Tags
    tag_id = document(tags.create_tag({"data": {"type": "tag", "attributes": {"name": "Winback"}}}))["data"]["id"]
    flows = {"data": [{"type": "flow", "id": flow_id}]}
    tags.tag_flows(tag_id, flows)
    assert [flow_id] == ids_of(tags.get_flow_ids_for_tag(tag_id))
    assert [tag_id] == ids_of(klaviyo.Flows.get_tags_for_flow(flow_id))
    assert [tag_id] == ids_of(klaviyo.Flows.get_tag_ids_for_flow(flow_id))
    tags.remove_tag_from_flows(tag_id, flows)
    assert [] == ids_of(tags.get_flow_ids_for_tag(tag_id))
    tags.update_tag(tag_id, {"data": {"type": "tag", "id": tag_id, "attributes": {"name": "Win back"}}})
    assert "Win back" == document(tags.get_tag(tag_id, include=["tag-group"]))["data"]["attributes"]["name"]
    tags.delete_tag(tag_id)
    assert [] == ids_of(tags.get_tags())


def test_the_sdk_makes_tag_groups(klaviyo: KlaviyoAPI) -> None:
    """A tag group is made, holds a tag, and is deleted with it; the default group stays."""
    tags = klaviyo.Tags
    body = {"data": {"type": "tag-group", "attributes": {"name": "Season", "exclusive": True}}}
    group_id = document(tags.create_tag_group(body))["data"]["id"]
    link = {"tag-group": {"data": {"type": "tag-group", "id": group_id}}}
    tag = {"data": {"type": "tag", "attributes": {"name": "Spring"}, "relationships": link}}
    tag_id = document(tags.create_tag(tag))["data"]["id"]
    assert [tag_id] == ids_of(tags.get_tags_for_tag_group(group_id))
    assert group_id == document(tags.get_tag_group_for_tag(tag_id))["data"]["id"]
    tags.delete_tag_group(group_id)
    assert ["Default Tag Group"] == [one["attributes"]["name"] for one in document(tags.get_tag_groups())["data"]]


def test_the_sdk_queries_a_report(klaviyo: KlaviyoAPI) -> None:
    """Every statistic and grouping of the report can be asked for; nothing was sent, so there are no rows."""
    attributes = {
        "statistics": ["opens", "open_rate", "conversion_value", "text_message_spend"],
        "timeframe": {"key": "last_30_days"},
        "conversion_metric_id": made_metric(klaviyo),
        "group_by": ["flow_id", "flow_message_id", "send_channel", "tag_name", "variation"],
        "filter": "and(equals(send_channel,\"email\"),contains-any(tag_name,['x']))",
    }
    body = {"data": {"type": "flow-values-report", "attributes": attributes}}
    report = document(klaviyo.Reporting.query_flow_values(body))
    assert report["data"]["attributes"]["results"] == []


def test_a_mistake_in_a_definition_reaches_the_sdk(klaviyo: KlaviyoAPI) -> None:
    """A broken link is a 400 that points at it."""
    document_of = definition(made_metric(klaviyo), made_template(klaviyo))
    document_of["actions"][0]["links"]["next"] = "nowhere"
    body = {"data": {"type": "flow", "attributes": {"name": "Broken", "definition": document_of}}}
    with pytest.raises(ApiException) as caught:
        klaviyo.Flows.create_flow(body)
    assert caught.value.status == 400
    assert "/data/attributes/definition/actions/0/links/next" in str(caught.value.body)
