"""The official SDK works with webhooks that are told of events, and with the topics that they listen to."""

from __future__ import annotations

from typing import Any

from klaviyo_api import KlaviyoAPI
from sdk_bodies import body, data, document, ids_of, refused

OPENED, CLICKED = "event:klaviyo.opened_email", "event:klaviyo.clicked_email"
ATTRIBUTES = {"name": "Mail", "endpoint_url": "https://www.example.com/hook", "secret_key": "a secret of some length"}


def topics(*names: str) -> dict[str, Any]:
    """Return the relationships of a webhook that listens to topics."""
    return {"webhook-topics": {"data": [{"type": "webhook-topic", "id": name} for name in names]}}


def made_webhook(klaviyo: KlaviyoAPI, *names: str, **attributes: Any) -> dict[str, Any]:
    """Make a webhook."""
    new = body("webhook", {**ATTRIBUTES, **attributes}, relationships=topics(*names))
    made: dict[str, Any] = data(klaviyo.Webhooks.create_webhook(new))
    return made


def test_the_sdk_makes_changes_and_deletes_a_webhook(klaviyo: KlaviyoAPI) -> None:
    """A webhook is made, read with its topics, changed and deleted."""
    made = made_webhook(klaviyo, OPENED, CLICKED, description="Who reads")
    webhook_id, webhooks = made["id"], klaviyo.Webhooks
    shown = ("Mail", "Who reads", "https://www.example.com/hook", True)
    assert shown == tuple(made["attributes"][name] for name in ("name", "description", "endpoint_url", "enabled"))
    found = document(webhooks.get_webhook(webhook_id, include=["webhook-topics"]))
    assert [OPENED, CLICKED] == [one["id"] for one in found["included"]]
    change = body("webhook", {"name": "Clicks", "enabled": False}, webhook_id, relationships=topics(CLICKED))
    changed = data(webhooks.update_webhook(webhook_id, change))
    assert ("Clicks", False) == (changed["attributes"]["name"], changed["attributes"]["enabled"])
    [listed] = document(webhooks.get_webhooks(include=["webhook-topics"]))["data"]
    assert [CLICKED] == [one["id"] for one in listed["relationships"]["webhook-topics"]["data"]]
    webhooks.delete_webhook(webhook_id)
    assert [] == ids_of(webhooks.get_webhooks(fields_webhook=["name"]))
    with refused(404, webhook_id):
        webhooks.get_webhook(webhook_id)


def test_the_sdk_reads_topics(klaviyo: KlaviyoAPI) -> None:
    """Topics are listed and read by their ids."""
    assert {OPENED, CLICKED} < set(ids_of(klaviyo.Webhooks.get_webhook_topics()))
    assert OPENED == data(klaviyo.Webhooks.get_webhook_topic(OPENED))["id"]
    with refused(404, "event:klaviyo.sneezed"):
        klaviyo.Webhooks.get_webhook_topic("event:klaviyo.sneezed")


def test_the_sdk_learns_what_is_wrong_with_a_webhook(klaviyo: KlaviyoAPI) -> None:
    """Topics that there are not, addresses that are not secure, and secrets that are too short."""
    with refused(400, "event:klaviyo.sneezed"):
        made_webhook(klaviyo, "event:klaviyo.sneezed")
    with refused(400, "http://www.example.com/hook"):
        made_webhook(klaviyo, OPENED, endpoint_url="http://www.example.com/hook")
    with refused(400, "/data/attributes/secret_key"):
        made_webhook(klaviyo, OPENED, secret_key="short")
