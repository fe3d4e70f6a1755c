"""What came with which revision: the facts, and that the rows of every revision agree with them.

What is here: operations, query parameters, filters, sizes of pages, attributes and relationships by the served revision
that first has them. What is not: how a revision takes them back (`headrace.api.revisions`). Source: the descriptions of
2024-02-15, 2026-04-15 and 2026-07-15, and the methods and models of the official SDK for each of the other revisions.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from headrace.api.resources import OPERATIONS, RESOURCES
from headrace.api.revisions import SERVED, Revisions, Surface
from headrace.api.revisions.changes import CHANGES
from headrace.jsonapi.query import offered_parameters

CHAIN = Revisions.of(Surface.of(OPERATIONS, RESOURCES), CHANGES)

FIRST_WITH: Mapping[str, str] = {
    "2024-07-15": """
        bulk_create_events create_segment delete_segment delete_flow get_webhooks create_webhook get_webhook
        update_webhook delete_webhook get_webhook_topics get_webhook_topic
    """,
    "2024-10-15": """
        get_flows_triggered_by_metric get_ids_for_flows_triggered_by_metric get_metric_property
        get_metric_for_metric_property get_metric_id_for_metric_property get_properties_for_metric
        get_property_ids_for_metric get_flows_triggered_by_list get_ids_for_flows_triggered_by_list
        get_flows_triggered_by_segment get_ids_for_flows_triggered_by_segment query_segment_values
        query_segment_series get_all_universal_content create_universal_content get_universal_content
        update_universal_content delete_universal_content get_tracking_settings get_tracking_setting
        update_tracking_setting get_bulk_suppress_profiles_jobs get_bulk_suppress_profiles_job
        get_bulk_unsuppress_profiles_jobs get_bulk_unsuppress_profiles_job
    """,
    "2025-01-15": """
        create_flow
    """,
    "2025-07-15": """
        get_push_tokens get_push_token delete_push_token get_push_tokens_for_profile
        get_push_token_ids_for_profile get_profile_for_push_token get_profile_id_for_push_token
        get_custom_metrics create_custom_metric get_custom_metric update_custom_metric delete_custom_metric
        get_metrics_for_custom_metric get_metric_ids_for_custom_metric get_mapped_metrics get_mapped_metric
        update_mapped_metric get_metric_for_mapped_metric get_metric_id_for_mapped_metric
        get_custom_metric_for_mapped_metric get_custom_metric_id_for_mapped_metric
    """,
    "2025-10-15": """
        update_flow_action
    """,
    "2026-04-15": """
        get_conversation_for_profile get_conversation_id_for_profile delete_flow_action
    """,
    "2026-07-15": """
        get_conversations_for_profile get_conversation_ids_for_profile
    """,
    "2026-10-15": """
        create_flow_action clone_universal_content
    """,
}
"""Operations by the first served revision that has them; all others are in the first, 2024-02-15."""


EVERY_WRITE = "2026-04-15"
"""Since then every write and report takes `fields[...]`."""

PARAMETERS: Mapping[tuple[str, str], str] = {
    ("fields[attribution]", "2026-04-15"): "get_events get_event",
    ("fields[conversation]", "2026-04-15"): "get_profiles get_profile",
    ("fields[flow]", "2024-10-15"): "get_metrics get_metric get_lists get_list get_segments get_segment",
    ("fields[push-token]", "2025-07-15"): "get_profile",
    ("fields[push-token]", "2026-04-15"): "get_profiles",
    ("fields[webhook-topic]", "2026-04-15"): "get_webhooks get_webhook get_webhook_topics get_webhook_topic",
    ("additional-fields[flow]", "2025-01-15"): "get_flow",
    ("additional-fields[profile]", "2024-10-15"): "create_profile update_profile create_or_update_profile",
    ("additional-fields[template]", "2026-04-15"): "get_templates create_template get_template update_template",
    ("include", "2024-10-15"): "get_metrics get_metric",
    ("include", "2025-07-15"): "get_profiles",
    ("page[size]", "2026-04-15"): (
        "get_events get_lists get_segments get_templates get_tags get_tag_groups get_campaigns"
    ),
    ("sort", "2024-07-15"): "get_lists get_segments",
}
"""Operations by a parameter and the first served revision in which they take it."""

_SUPPRESSIONS = "subscriptions.email.marketing.list_suppressions"
FILTERS: Mapping[tuple[str, str, str], str] = {
    ("get_profiles", f"{_SUPPRESSIONS}.reason", "equals"): "2024-10-15",
    ("get_profiles", f"{_SUPPRESSIONS}.timestamp", "less-than"): "2024-10-15",
    ("get_profiles", f"{_SUPPRESSIONS}.list_id", "equals"): "2024-10-15",
    ("get_profiles", "subscriptions.email.marketing.suppression.reason", "equals"): "2024-10-15",
    ("get_profiles", "subscriptions.email.marketing.suppression.timestamp", "less-than"): "2024-10-15",
    ("get_events", "metric", "has"): "2026-04-15",
    ("get_profiles_for_segment", "profile_id", "any"): "2026-01-15",
    ("get_profile_ids_for_segment", "profile_id", "equals"): "2026-01-15",
    ("get_action_ids_for_flow", "id", "any"): "2025-01-15",
    ("get_action_ids_for_flow", "action_type", "any"): "2025-01-15",
    ("get_templates", "name", "contains"): "2026-01-15",
    ("get_campaigns", "id", "any"): "2025-10-15",
    ("get_campaigns", "builder", "equals"): "2026-10-15",
}
"""The first served revision of an operation's comparison."""

LONGEST_PAGES: Mapping[str, tuple[int, int]] = {
    "get_profile_ids_for_list": (1000, 100),
    "get_profile_ids_for_segment": (1000, 100),
    "get_action_ids_for_flow": (100, 50),
    "get_flow_action_messages": (100, 50),
}
"""The longest page that can be asked for before 2025-01-15, and since."""

SHOWN: Mapping[tuple[str, str], str] = {
    ("account", "locale"): "2024-07-15",
    ("profile", "locale"): "2024-07-15",
    ("profile", "subscriptions.mobile_push"): "2024-07-15",
    ("profile", "subscriptions.sms.transactional"): "2024-10-15",
    ("profile", "subscriptions.whatsapp"): "2025-10-15",
    ("profile", "subscriptions.email.open_tracking"): "2026-04-15",
    ("profile", "predictive_analytics.ranked_channel_affinity"): "2025-10-15",
    ("segment", "definition"): "2024-07-15",
    ("template", "amp"): "2025-01-15",
    ("flow-action", "definition"): "2025-10-15",
    ("flow-message", "definition"): "2025-10-15",
}
"""The first served revision that shows an attribute, or a part of one, of a resource."""

RELATED: Mapping[tuple[str, str], str] = {
    ("list", "flow-triggers"): "2024-07-15",
    ("metric", "flow-triggers"): "2024-07-15",
    ("segment", "flow-triggers"): "2024-07-15",
    ("profile", "push-tokens"): "2025-07-15",
}
"""The first served revision that relates a resource to something."""


def since(first: str) -> list[bool]:
    """Return for each served revision whether it is the first one or younger."""
    return [revision >= first for revision in SERVED]


def test_operations_exist_from_their_first_revision_on() -> None:
    """An operation is refused before the revision that brought it, and there ever since."""
    first = {one: revision for revision, names in FIRST_WITH.items() for one in names.split()}
    expected = {one.id: first.get(one.id, SERVED[0]) for one in OPERATIONS if one.path.startswith("/api/")}
    found = {one.id: min(each for each in SERVED if each >= (one.since or "")) for one in OPERATIONS}
    assert expected == {name: found[name] for name in expected}
    assert first.keys() <= expected.keys()
    assert [] == [one.id for one in OPERATIONS if one.id in expected and one.until]


@pytest.mark.parametrize(
    ("parameter", "first", "name"),
    [(*key, name) for key, names in PARAMETERS.items() for name in names.split()],
)
def test_parameters_are_taken_from_their_first_revision_on(parameter: str, first: str, name: str) -> None:
    """A revision before it knows no such parameter."""
    rows = [CHAIN.surfaces[revision].operations[name] for revision in SERVED]
    assert since(first) == [parameter in offered_parameters(row) for row in rows]


@pytest.mark.parametrize("revision", SERVED)
def test_writes_take_sparse_fields_since_2026_04_15(revision: str) -> None:
    """Before, only reads do."""
    rows = [one for one in CHAIN.surfaces[revision].operations.values() if one.path.startswith("/api/")]
    assert (revision >= EVERY_WRITE) == any(one.sparse for one in rows if one.method != "GET")


@pytest.mark.parametrize(("name", "field", "operator"), FILTERS)
def test_filters_are_taken_from_their_first_revision_on(name: str, field: str, operator: str) -> None:
    """A revision before it does not compare so."""
    filters = [CHAIN.surfaces[revision].operations[name].filters for revision in SERVED]
    taken = [field in each and operator in each[field].operators for each in filters]
    assert since(FILTERS[name, field, operator]) == taken


@pytest.mark.parametrize("name", LONGEST_PAGES)
def test_pages_are_as_long_as_a_revision_allows(name: str) -> None:
    """2025-01-15 brought shorter pages."""
    pages = [CHAIN.surfaces[revision].operations[name].page for revision in SERVED]
    before, after = LONGEST_PAGES[name]
    assert [after if later else before for later in since("2025-01-15")] == [page and page.maximum for page in pages]


@pytest.mark.parametrize(("kind", "name"), SHOWN)
def test_attributes_are_shown_from_their_first_revision_on(kind: str, name: str) -> None:
    """A revision before it neither shows nor knows them."""
    resources = [CHAIN.surfaces[revision].resources[kind] for revision in SERVED]
    names = [{*(one.name for one in each.attributes), *each.field_names()} for each in resources]
    every = [
        {*each, *(part for one in resource.attributes for part in one.subfields)}
        for each, resource in zip(names, resources, strict=True)
    ]
    assert since(SHOWN[kind, name]) == [name in each for each in every]


@pytest.mark.parametrize(("kind", "name"), RELATED)
def test_relationships_are_shown_from_their_first_revision_on(kind: str, name: str) -> None:
    """A revision before it does not lead there, and neither do the rows of its operations."""
    surfaces = [CHAIN.surfaces[revision] for revision in SERVED]
    shown = [name in {one.name for one in each.resources[kind].relationships} for each in surfaces]
    assert since(RELATED[kind, name]) == shown
    early = [each for each, there in zip(surfaces, shown, strict=True) if not there]
    rows = [row for each in early for row in each.operations.values() if row.resource and row.resource.type == kind]
    assert [] == [row.id for row in rows if row.resource and name in {one.name for one in row.resource.relationships}]


def test_every_revision_that_differs_has_a_file() -> None:
    """The chain holds one change for each served revision but the first, in order."""
    assert list(SERVED[1:]) == [one.date for one in CHANGES]
