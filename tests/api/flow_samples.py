"""Flow definitions for tests of the API, written as callers write them, and helpers that store what they name."""

from __future__ import annotations

from typing import Any

from api_client import Api

from headrace.storage.templates import NewTemplate, create_template


def delay(temporary_id: str, following: str | None, hours: int = 4) -> dict[str, Any]:
    """Return a delay of some hours."""
    return {
        "temporary_id": temporary_id,
        "type": "time-delay",
        "links": {"next": following},
        "data": {"unit": "hours", "value": hours, "secondary_value": 0, "timezone": "profile"},
    }


def email(temporary_id: str, template_id: str | None, following: str | None = None) -> dict[str, Any]:
    """Return a draft e-mail."""
    message = {
        "from_email": "shop@example.com",
        "from_label": "Shop",
        "subject_line": "You left something",
        "preview_text": "",
        "template_id": template_id,
        "smart_sending_enabled": True,
        "transactional": False,
        "add_tracking_params": False,
        "name": "Reminder",
    }
    return {
        "temporary_id": temporary_id,
        "type": "send-email",
        "links": {"next": following},
        "data": {"message": message, "status": "draft"},
    }


def sms(temporary_id: str, following: str | None = None) -> dict[str, Any]:
    """Return a draft text message."""
    message = {"body": "Forgot something?", "shorten_links": True, "name": "SMS #1"}
    return {
        "temporary_id": temporary_id,
        "type": "send-sms",
        "links": {"next": following},
        "data": {"message": message, "status": "draft"},
    }


def sample_split(temporary_id: str, yes: str | None, no: str | None) -> dict[str, Any]:
    """Return a split that half of all people pass."""
    condition = {"type": "profile-sample", "percentage": 50}
    return {
        "temporary_id": temporary_id,
        "type": "conditional-split",
        "links": {"next_if_true": yes, "next_if_false": no},
        "data": {"profile_filter": {"condition_groups": [{"conditions": [condition]}]}},
    }


def definition(metric_id: str, *actions: dict[str, Any], entry: str | None = None) -> dict[str, Any]:
    """Return the definition of a flow that an event of a metric starts."""
    return {
        "triggers": [{"type": "metric", "id": metric_id, "trigger_filter": None}],
        "profile_filter": None,
        "actions": list(actions),
        "entry_action_id": entry or actions[0]["temporary_id"],
    }


def creation(name: str, document: Any) -> dict[str, Any]:
    """Return the body that creates a flow."""
    return {"data": {"type": "flow", "attributes": {"name": name, "definition": document}}}


def status_change(flow_id: str, status: str) -> dict[str, Any]:
    """Return the body that sets a flow's status."""
    return {"data": {"type": "flow", "id": flow_id, "attributes": {"status": status}}}


async def metric(api: Api, name: str = "Started Checkout") -> str:
    """Return the id of a metric, made when it is not there."""
    return (await api.services.metrics.ids(api.account.account_id, [name]))[name]


async def template(api: Api, name: str = "Cart", html: str = "<p>Hello {{ first_name }}</p>") -> str:
    """Make a template and return its id."""
    services = api.services
    async with services.database.transaction() as connection:
        return await create_template(
            connection,
            api.account.account_id,
            services.ids,
            services.system_clock.now(),
            NewTemplate(name, html=html, text="Hello"),
        )


async def cart_flow(api: Api, name: str = "Abandoned Cart") -> str:
    """Create a flow of a delay, a split, an e-mail and a text message; return its id."""
    document = definition(
        await metric(api),
        delay("wait", "half"),
        sample_split("half", "mail", "text"),
        email("mail", await template(api)),
        sms("text"),
    )
    answer = await api.post("/api/flows", creation(name, document))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["id"])
