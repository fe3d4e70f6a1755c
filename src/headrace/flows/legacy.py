"""Flow actions and messages as the revisions before 2025-10-15 show them: pure functions of the action's document.

Source: reference 8.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.flows.walk import Document, message_of

ACTION_TYPES: Mapping[str, str] = {
    "ab-test": "AB_TEST",
    "action-output-split": "ACTION_OUTPUT_SPLIT",
    "back-in-stock-delay": "BACK_IN_STOCK_DELAY",
    "code": "CODE",
    "conditional-split": "BOOLEAN_BRANCH",
    "content-experiment": "CONTENT_EXPERIMENT",
    "countdown-delay": "COUNTDOWN_DELAY",
    "internal-service": "INTERNAL_SERVICE",
    "list-update": "LIST_UPDATE",
    "multi-branch-split": "MULTI_BRANCH_SPLIT",
    "send-email": "SEND_EMAIL",
    "send-internal-alert": "SEND_NOTIFICATION_MESSAGE",
    "send-mobile-push": "SEND_PUSH_NOTIFICATION",
    "send-sms": "SEND_SMS",
    "send-webhook": "WEBHOOK",
    "send-whatsapp": "SEND_WHATSAPP",
    "target-date": "TARGET_DATE",
    "time-delay": "TIME_DELAY",
    "trigger-split": "TRIGGER_BRANCH",
    "update-profile": "UPDATE_CUSTOMER",
}
CHANNELS: Mapping[str, str] = {
    "send-email": "Email",
    "send-internal-alert": "Internal Alert",
    "send-mobile-push": "Push",
    "send-sms": "SMS",
    "send-webhook": "Webhook",
    "send-whatsapp": "WhatsApp",
}
"""`channel` of the messages of each sending action. Source: reference 2.2 (Email seen live, the rest our choice)."""
TRACKED = ("send-email", "send-sms", "send-whatsapp")
SECONDS = {"days": 86_400, "hours": 3_600, "minutes": 60}
SECONDARY_SECONDS = {"days": 3_600, "hours": 60, "minutes": 1}


def action_type(action: Mapping[str, Any]) -> str:
    """Return the old name of an action's type."""
    return ACTION_TYPES[action["type"]]


def delay_seconds(data: Mapping[str, Any]) -> int:
    """Return the length of a time delay in seconds, its time of day and weekdays left aside."""
    unit = data.get("unit") or "days"
    return int(data["value"]) * SECONDS[unit] + int(data.get("secondary_value") or 0) * SECONDARY_SECONDS[unit]


def settings(action: Mapping[str, Any]) -> Document:
    """Return an action's `settings`: the seconds of a delay, `is_joined` of a split, else empty."""
    match action["type"]:
        case "time-delay":
            return {"delay_seconds": delay_seconds(action["data"])}
        case "conditional-split" | "trigger-split":
            return {"is_joined": False}
        case _:
            return {}


def tracking_options(action: Document) -> Document | None:
    """Return an action's `tracking_options`, None for one that tracks nothing; e-mail names opens and clicks too."""
    message = message_of(action)
    if message is None or action["type"] not in TRACKED:
        return None
    parameters = message.get("custom_tracking_params") or []
    options: Document = {
        "add_utm": bool(message.get("add_tracking_params", False)),
        "utm_params": [{"name": item["param"], "value": item["value"]} for item in parameters],
    }
    if action["type"] == "send-email":
        options.update(is_tracking_opens=True, is_tracking_clicks=True)
    return options


def send_options(action: Document) -> Document | None:
    """Return an action's `send_options`, None for one that sends nothing to the person."""
    message = message_of(action)
    if message is None or action["type"] not in (*TRACKED, "send-mobile-push"):
        return None
    return {
        "use_smart_sending": bool(message.get("smart_sending_enabled", True)),
        "is_transactional": bool(message.get("transactional", False)),
    }


def render_options(action: Document) -> Document | None:
    """Return an action's `render_options`, None for all but text messages."""
    message = message_of(action)
    if message is None or action["type"] != "send-sms":
        return None
    defaults = {"shorten_links": True, "add_org_prefix": True, "add_info_link": True, "add_opt_out_language": False}
    return {name: bool(message.get(name, default)) for name, default in defaults.items()}


def badge_options(action: Document) -> Document | None:
    """Return an action's `badge_options`, None for all but push messages that say what the badge shows."""
    found: Document | None = (message_of(action) or {}).get("badge_options")
    return found


def content(action: Document) -> Document | None:
    """Return the `content` of an action's message, None for an action without one; texts are never null."""
    message = message_of(action)
    if message is None:
        return None
    match action["type"]:
        case "send-email":
            return _email_content(message)
        case "send-sms":
            return {"body": message.get("body") or "", "media_url": message.get("dynamic_image")}
        case "send-mobile-push":
            return {"title": message.get("title") or "", "body": message.get("body") or ""}
        case _:
            return {}


def channel(action: Mapping[str, Any]) -> str | None:
    """Return the channel of an action's message, None for an action that sends none."""
    return CHANNELS.get(action["type"])


def _email_content(message: Document) -> Document:
    return {
        "subject": message.get("subject_line") or "",
        "preview_text": message.get("preview_text") or "",
        "from_email": message.get("from_email") or "",
        "from_label": message.get("from_label") or "",
        "reply_to_email": message.get("reply_to_email"),
        "cc_email": message.get("cc_email"),
        "bcc_email": message.get("bcc_email"),
    }
