"""The official SDK works with tags and tag groups, and ties tags to what holds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI
from sdk_bodies import (
    body,
    data,
    document,
    every_id,
    has_property,
    ids_of,
    made_flow,
    made_list,
    made_segment,
    made_tag,
    named,
    refused,
)


def made_group(klaviyo: KlaviyoAPI, name: str, **attributes: Any) -> str:
    """Make a tag group and return its id."""
    return str(data(klaviyo.Tags.create_tag_group(body("tag-group", {"name": name, **attributes})))["id"])


def test_the_sdk_makes_and_changes_a_tag(klaviyo: KlaviyoAPI) -> None:
    """In a group of its own, renamed, read with its group, and deleted."""
    tags = klaviyo.Tags
    group_id = made_group(klaviyo, "Seasons", exclusive=True)
    home = {"tag-group": {"data": {"type": "tag-group", "id": group_id}}}
    made = data(tags.create_tag(body("tag", {"name": "Sumer"}, relationships=home)))
    tags.update_tag(made["id"], body("tag", {"name": "Summer"}, made["id"]))
    read = document(tags.get_tag(made["id"], include=["tag-group"]))
    assert ("Summer", ["Seasons"]) == (
        read["data"]["attributes"]["name"],
        [one["attributes"]["name"] for one in read["included"]],
    )
    assert {"tag-group", "lists", "segments", "campaigns", "flows"} == set(read["data"]["relationships"])
    assert group_id == data(tags.get_tag_group_for_tag(made["id"]))["id"]
    assert group_id == data(tags.get_tag_group_id_for_tag(made["id"]))["id"]
    tags.delete_tag(made["id"])
    with refused(404, made["id"]):
        tags.get_tag(made["id"])


def test_the_sdk_finds_tags(klaviyo: KlaviyoAPI) -> None:
    """By name, sorted, in pages."""
    made = [made_tag(klaviyo, f"Tag {number:02}") for number in range(60)]
    tags = klaviyo.Tags
    assert [made[3]] == ids_of(tags.get_tags(filter="equals(name,'Tag 03')"))
    assert made[:10] == ids_of(tags.get_tags(filter="starts-with(name,'Tag 0')", sort="name"))
    assert made[::-1] == every_id(tags.get_tags, sort="-name")
    assert [{"name": "Tag 07"}] == [
        one["attributes"] for one in data(tags.get_tags(filter="ends-with(name,'07')", fields_tag=["name"]))
    ]


def test_the_sdk_works_with_groups(klaviyo: KlaviyoAPI) -> None:
    """Made, found, renamed, read with their tags, and deleted with them."""
    tags = klaviyo.Tags
    group_id = made_group(klaviyo, "Season")
    home = {"tag-group": {"data": {"type": "tag-group", "id": group_id}}}
    tag_id = data(tags.create_tag(body("tag", {"name": "Summer"}, relationships=home)))["id"]
    tags.update_tag_group(group_id, body("tag-group", {"name": "Seasons"}, group_id))
    assert ("Seasons", False) == tuple(
        data(tags.get_tag_group(group_id))["attributes"][name] for name in ("name", "default")
    )
    assert [group_id] == ids_of(tags.get_tag_groups(filter="equals(name,'Seasons')", sort="-name"))
    assert [tag_id] == ids_of(tags.get_tags_for_tag_group(group_id))
    assert [tag_id] == ids_of(tags.get_tag_ids_for_tag_group(group_id))
    tags.delete_tag_group(group_id)
    with refused(404, tag_id):
        tags.get_tag(tag_id)


def made_holder(klaviyo: KlaviyoAPI, kind: str) -> str:
    """Make a flow, a list or a segment and return its id."""
    match kind:
        case "flow":
            return made_flow(klaviyo, "list", made_list(klaviyo, "Starts a flow"))
        case "list":
            return made_list(klaviyo, "News")
        case _:
            return made_segment(klaviyo, "Large", has_property("size", "XL"))


@pytest.mark.parametrize("kind", ["flow", "list", "segment"])
def test_the_sdk_ties_a_tag_to_what_holds_it(klaviyo: KlaviyoAPI, kind: str) -> None:
    """Flows, lists and segments: tied, read from both sides, untied."""
    tags, tag_id, holder = klaviyo.Tags, made_tag(klaviyo, "VIP"), made_holder(klaviyo, kind)
    tie, untie, read = _methods(tags, kind)
    tie(tag_id, named(kind, holder))
    assert [holder] == ids_of(read(tag_id))
    relationships = data(tags.get_tag(tag_id))["relationships"]
    assert [{"type": kind, "id": holder}] == relationships[f"{kind}s"]["data"]
    untie(tag_id, named(kind, holder))
    assert [] == ids_of(read(tag_id))
    with refused(404, "NONE01"):
        tie(tag_id, named(kind, "NONE01"))


def _methods(tags: Any, kind: str) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    return {
        "flow": (tags.tag_flows, tags.remove_tag_from_flows, tags.get_flow_ids_for_tag),
        "list": (tags.tag_lists, tags.remove_tag_from_lists, tags.get_list_ids_for_tag),
        "segment": (tags.tag_segments, tags.remove_tag_from_segments, tags.get_segment_ids_for_tag),
    }[kind]


def test_the_sdk_finds_no_campaigns(klaviyo: KlaviyoAPI) -> None:
    """Their collection and their place in tags are empty, and every id is unknown."""
    tags, tag_id = klaviyo.Tags, made_tag(klaviyo, "VIP")
    assert [] == ids_of(klaviyo.Campaigns.get_campaigns(filter="equals(archived,false)", sort="-created_at"))
    with refused(404, "01ABC"):
        klaviyo.Campaigns.get_campaign("01ABC")
    assert [] == ids_of(tags.get_campaign_ids_for_tag(tag_id))
    for change in (tags.tag_campaigns, tags.remove_tag_from_campaigns):
        with refused(404, "01ABC", "/data/0/id"):
            change(tag_id, named("campaign", "01ABC"))
