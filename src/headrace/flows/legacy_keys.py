"""The keys that a legacy `/flow/<id>.json` document always shows, null where a definition leaves them out.

What is here: which keys, with what a definition without them means; pure functions on documents in the API's spelling.
What is not: the camelCase spelling (`spelling`) and the document around the definition. Newer keys are shown only when
a definition has them. Source: reference 8.3 and the document printed in the overview.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from headrace.flows.walk import Document, actions_of, message_of, nested_actions

Defaults = Mapping[str, Any]

DEFINITION: Defaults = {"triggers": [], "profile_filter": None, "actions": [], "entry_action_id": None}
TRIGGERS: Mapping[str, Defaults] = {"metric": {"id": None, "trigger_filter": None}}
LINKS: Mapping[str, Defaults] = {
    "conditional-split": {"next_if_true": None, "next_if_false": None},
    "trigger-split": {"next_if_true": None, "next_if_false": None},
    "action-output-split": {"next_if_true": None, "next_if_false": None},
    "multi-branch-split": {},
}
LINEAR: Defaults = {"next": None}
DATA: Mapping[str, Defaults] = {
    "time-delay": {
        "unit": "days",
        "value": None,
        "secondary_value": 0,
        "timezone": "profile",
        "delay_until_time": None,
        "delay_until_weekdays": None,
    },
    "conditional-split": {"profile_filter": None},
    "send-email": {"message": None, "status": "draft"},
    "send-sms": {"message": None, "status": "draft"},
}
_EVERY_MESSAGE: Defaults = {
    "smart_sending_enabled": True,
    "transactional": False,
    "add_tracking_params": False,
    "custom_tracking_params": None,
    "additional_filters": None,
    "name": None,
}
MESSAGES: Mapping[str, Defaults] = {
    "send-email": {
        **dict.fromkeys(("from_email", "from_label", "reply_to_email", "cc_email", "bcc_email", "subject_line")),
        "preview_text": None,
        "template_id": None,
        **_EVERY_MESSAGE,
    },
    "send-sms": {
        "body": None,
        "image_id": None,
        "dynamic_image": None,
        "shorten_links": True,
        "include_contact_card": False,
        "add_org_prefix": True,
        "add_info_link": True,
        "add_opt_out_language": False,
        "sms_quiet_hours_enabled": True,
        **_EVERY_MESSAGE,
    },
}
CONDITIONS: Mapping[str, Defaults] = {
    "profile-metric": {"metric_filters": None},
    "profile-group-membership": {"timeframe_filter": None},
}
NOTHING: Defaults = {}


def with_all_keys(definition: Mapping[str, Any]) -> Document:
    """Return a copy of a definition (snake_case) in which no key that a legacy document shows is missing."""
    result = copy.deepcopy(dict(definition))
    _fill(result, DEFINITION)
    for trigger in result["triggers"] or ():
        _fill(trigger, TRIGGERS.get(trigger.get("type", ""), NOTHING))
    for part in actions_of(result):
        for action in (part.value, *(nested.value for nested in nested_actions(part.value))):
            _fill_action(action)
    _fill_conditions(result)
    return result


def _fill(holder: Document, defaults: Defaults) -> None:
    for key, value in defaults.items():
        holder.setdefault(key, value)


def _fill_action(action: Document) -> None:
    kind = action.get("type", "")
    if action.get("links") is None:
        action["links"] = {}
    _fill(action["links"], LINKS.get(kind, LINEAR))
    if kind in DATA:
        action["data"] = action.get("data") or {}
        _fill(action["data"], DATA[kind])
    message = message_of(action)
    if message is not None:
        _fill(message, MESSAGES.get(kind, NOTHING))


def _fill_conditions(value: Any) -> None:
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _fill_conditions(below)
    for condition in value.get("conditions") or () if isinstance(value, dict) else ():
        if isinstance(condition, dict):
            _fill(condition, CONDITIONS.get(condition.get("type", ""), NOTHING))
