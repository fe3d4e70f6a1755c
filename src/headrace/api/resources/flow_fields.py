"""The dotted names inside definitions that `fields[...]` may ask for.

What is here: plain tuples, put together from the parts that several places share. Follows reference 7.6; the names are
those of the fields of reference section 2.
"""

from __future__ import annotations

from collections.abc import Iterable

_FILTER = ("condition_groups",)


def _under(prefix: str, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names)


_MESSAGE_OF_ANY_CHANNEL = (
    *("action_buttons", "add_info_link", "add_opt_out_language", "add_org_prefix", "add_tracking_params"),
    *("additional_filters", *_under("additional_filters", _FILTER), "android_link", "badge", "badge_options"),
    *_under("badge_options", ("badge_config", "set_from_property", "value")),
    *("bcc_email", "body", "cc_email", "conversion_metric_id", "custom_tracking_params", "dynamic_image"),
    *("from_email", "from_label", "id", "image_id", "include_contact_card", "ios_link", "kv_pairs"),
    *("message_hierarchy", "name", "on_open", "preview_text", "push_type", "reply_to_email", "shorten_links"),
    *("smart_sending_enabled", "sms_quiet_hours_enabled", "sound", "subject_line", "template_id", "title"),
    *("transactional", "vendor_id", "video_asset_id", "web_url"),
)
_MESSAGE = (*_MESSAGE_OF_ANY_CHANNEL, "headers", "to_emails", "url")

_EXPERIMENT = (
    *("allocations", "automatic_winner_selection_settings", "id", "name", "started", "variations", "winner_metric"),
    *_under(
        "automatic_winner_selection_settings",
        ("automatic_end_date", "automatic_end_statistical_certainty", "enabled"),
    ),
)
_MAIN_ACTION = (
    *("data", "data.message", "data.status", "id", "links", "links.next", "temporary_id", "type"),
    *_under("data.message", _MESSAGE_OF_ANY_CHANNEL),
)
_SERVICE = ("event_key", "event_payload", "report_id", "service_method_type", "tracking_company_id")

_DATA = (
    *("action_output_filter", *_under("action_output_filter", _FILTER), "branches"),
    *("current_experiment", *_under("current_experiment", _EXPERIMENT)),
    *("delay_until_time", "delay_until_weekdays", "experiment_status", "list_id"),
    *("main_action", *_under("main_action", _MAIN_ACTION), "message", *_under("message", _MESSAGE)),
    *("name", "on_execution", "profile_filter", *_under("profile_filter", _FILTER), "profile_operations"),
    *("secondary_value", "service_configuration", *_under("service_configuration", _SERVICE), "status"),
    *("target_days", "target_time", "timezone", "trigger_filter", *_under("trigger_filter", _FILTER)),
    *("trigger_id", "trigger_subtype", "trigger_type", "unit", "value"),
)

ACTION = _under(
    "definition",
    (
        *("data", *_under("data", _DATA), "id", "links", "temporary_id", "type"),
        *_under("links", ("next", "next_if_false", "next_if_true")),
    ),
)
"""The names inside a flow action's definition."""

MESSAGE = _under("definition", _MESSAGE)
"""The names inside a flow message's definition."""

FLOW = _under(
    "definition",
    (
        *("actions", "entry_action_id", "profile_filter", *_under("profile_filter", _FILTER)),
        *("reentry_criteria", "reentry_criteria.duration", "reentry_criteria.unit", "triggers"),
    ),
)
"""The names inside a flow's definition."""

TEMPLATE = _under(
    "definition",
    (
        *("body", "body.id", "body.properties", "body.sections", "body.styles", "id", "styles", "template_id"),
        *_under("body.properties", ("css_class", "id")),
        *_under("body.styles", ("background_color", "width")),
    ),
)
"""The dotted names of a template."""
