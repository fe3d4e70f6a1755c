"""The official SDK works with segments: definitions, members that a worker keeps, tags, flows, and mistakes."""

from __future__ import annotations

from typing import Any

from klaviyo_api import KlaviyoAPI
from sdk_bodies import (
    body,
    data,
    document,
    every_id,
    groups,
    has_property,
    ids_of,
    made_flow,
    made_list,
    made_profile,
    made_segment,
    made_tag,
    named,
    profile,
    refused,
)
from served import Served

GOLD = has_property("plan", "gold")


def event(name: str, email: str, **properties: Any) -> dict[str, Any]:
    """Return the body of an event."""
    attributes = {
        "properties": properties,
        "metric": body("metric", {"name": name}),
        "profile": profile(email=email),
    }
    return body("event", attributes)


def metric_id(klaviyo: KlaviyoAPI, name: str) -> str:
    """Return the id of a metric that an event has made."""
    rows = data(klaviyo.Metrics.get_metrics())
    return next(str(one["id"]) for one in rows if one["attributes"]["name"] == name)


def ordered(metric: str, **rest: Any) -> dict[str, Any]:
    """Return the condition that there was one event or more of a metric in the last 90 days."""
    count = {"type": "numeric", "operator": "greater-than-or-equal", "value": 1}
    window = {"type": "date", "operator": "in-the-last", "quantity": 90, "unit": "day"}
    asked = {"measurement": "count", "measurement_filter": count, "timeframe_filter": window}
    return {"type": "profile-metric", "metric_id": metric, **asked, **rest}


def test_the_sdk_makes_and_changes_a_segment(served: Served, klaviyo: KlaviyoAPI) -> None:
    """A segment finds its members when it is made and again when its definition changes."""
    segments = klaviyo.Segments
    gold = made_profile(klaviyo, "gold@example.com", properties={"plan": "gold"})
    blue = made_profile(klaviyo, "blue@example.com", properties={"plan": "blue"})
    made = data(segments.create_segment(body("segment", {"name": "Gold", "definition": groups(GOLD)})))
    segment_id, attributes = made["id"], made["attributes"]
    assert ("Gold", True, False) == (attributes["name"], attributes["is_active"], attributes["is_starred"])
    served.work()
    assert [gold] == ids_of(segments.get_profiles_for_segment(segment_id))
    found = data(segments.get_segment(segment_id, additional_fields_segment=["profile_count"]))["attributes"]
    assert (1, False) == (found["profile_count"], found["is_processing"])
    assert "profile-property" == found["definition"]["condition_groups"][0]["conditions"][0]["type"]
    changes = {"name": "Blue", "is_starred": True, "definition": groups(has_property("plan", "blue"))}
    changed = data(segments.update_segment(segment_id, body("segment", changes, segment_id)))["attributes"]
    assert ("Blue", True) == (changed["name"], changed["is_starred"])
    served.work()
    assert [blue] == ids_of(segments.get_profile_ids_for_segment(segment_id))
    segments.delete_segment(segment_id)
    with refused(404, segment_id):
        segments.get_segment(segment_id)


def test_the_sdk_sees_members_come_and_go(served: Served, klaviyo: KlaviyoAPI) -> None:
    """A segment of three conditions follows a property, an event and a list."""
    email = "sarah@example.com"
    person = made_profile(klaviyo, email)
    klaviyo.Events.create_event(event("Viewed Product", "other@example.com"))
    klaviyo.Events.create_event(event("Placed Order", "other@example.com", brand="Acme"))
    filters = [{"property": "brand", "filter": {"type": "string", "operator": "equals", "value": "Acme"}}]
    list_id = made_list(klaviyo)
    member = {"type": "profile-group-membership", "is_member": True, "group_ids": [list_id]}
    bought = ordered(metric_id(klaviyo, "Placed Order"), metric_filters=filters)
    segment_id = made_segment(klaviyo, "Buyers", GOLD, bought, member)
    served.work()
    assert [] == ids_of(klaviyo.Segments.get_profiles_for_segment(segment_id))
    klaviyo.Profiles.update_profile(person, body("profile", {"properties": {"plan": "gold"}}, person))
    klaviyo.Lists.add_profiles_to_list(list_id, named("profile", person))
    klaviyo.Events.create_event(event("Placed Order", email, brand="Acme"))
    served.work()
    assert [person] == ids_of(klaviyo.Segments.get_profiles_for_segment(segment_id))
    assert [segment_id] == ids_of(klaviyo.Profiles.get_segments_for_profile(person, fields_segment=["name"]))
    assert [segment_id] == ids_of(klaviyo.Profiles.get_segment_ids_for_profile(person))
    found = document(klaviyo.Profiles.get_profile(person, include=["segments", "lists"], fields_segment=["name"]))
    assert {("segment", segment_id), ("list", list_id)} == {(one["type"], one["id"]) for one in found["included"]}
    klaviyo.Lists.remove_profiles_from_list(list_id, named("profile", person))
    served.work()
    assert [] == ids_of(klaviyo.Segments.get_profiles_for_segment(segment_id))


def test_the_sdk_finds_segments(klaviyo: KlaviyoAPI) -> None:
    """By name, id and time, by whether they are active or starred, sorted, in pages, with few fields."""
    segments = klaviyo.Segments
    made = [made_segment(klaviyo, f"Segment {number:02}", GOLD) for number in range(12)]
    segments.update_segment(made[4], body("segment", {"is_starred": True}, made[4]))
    assert [made[3]] == ids_of(segments.get_segments(filter="equals(name,'Segment 03')"))
    assert {made[3], made[4]} == set(ids_of(segments.get_segments(filter=f"any(id,['{made[3]}','{made[4]}'])")))
    assert [made[4]] == ids_of(segments.get_segments(filter="equals(is_starred,true)"))
    assert [] == ids_of(segments.get_segments(filter="equals(is_active,false)"))
    assert [] == ids_of(segments.get_segments(filter="greater-than(updated,2100-01-01T00:00:00Z)"))
    assert made[::-1] == every_id(segments.get_segments, sort="-name")
    assert made == every_id(segments.get_segments, sort="name", page_size=5)
    [one] = data(segments.get_segments(filter=f"equals(id,'{made[0]}')", fields_segment=["name"]))
    assert {"name": "Segment 00"} == {key: value for key, value in one["attributes"].items() if value is not None}


def test_the_sdk_reads_the_members_of_a_segment(served: Served, klaviyo: KlaviyoAPI) -> None:
    """With the time of joining, by filter, in order of joining, in pages, with what is on request."""
    people = [made_profile(klaviyo, f"p{number}@example.com", properties={"plan": "gold"}) for number in range(5)]
    segment_id, segments = made_segment(klaviyo, "Gold", GOLD), klaviyo.Segments
    served.work()
    assert sorted(people) == sorted(every_id(segments.get_profiles_for_segment, segment_id, page_size=2))
    assert sorted(people) == sorted(every_id(segments.get_profile_ids_for_segment, segment_id, page_size=2))
    by_email = "equals(email,'p3@example.com')"
    assert [people[3]] == ids_of(segments.get_profile_ids_for_segment(segment_id, filter=by_email))
    extra = {"additional_fields_profile": ["subscriptions", "predictive_analytics"]}
    [one] = data(segments.get_profiles_for_segment(segment_id, filter=by_email, **extra))
    assert one["attributes"]["joined_group_at"]
    assert "NEVER_SUBSCRIBED" == one["attributes"]["subscriptions"]["email"]["marketing"]["consent"]
    late = "greater-than(joined_group_at,2100-01-01T00:00:00Z)"
    assert [] == ids_of(segments.get_profiles_for_segment(segment_id, filter=late, sort="-joined_group_at"))


def test_the_sdk_reads_the_flows_of_a_segment(klaviyo: KlaviyoAPI) -> None:
    """Flows that begin when somebody comes to match are related to the segment, and included with it."""
    segment_id, segments = made_segment(klaviyo, "Gold", GOLD), klaviyo.Segments
    flow_id = made_flow(klaviyo, "segment", segment_id)
    assert [flow_id] == ids_of(segments.get_flows_triggered_by_segment(segment_id, fields_flow=["name"]))
    assert [flow_id] == ids_of(segments.get_ids_for_flows_triggered_by_segment(segment_id))
    found = document(segments.get_segment(segment_id, include=["flow-triggers"], fields_flow=["name"]))
    assert [("flow", flow_id)] == [(one["type"], one["id"]) for one in found["included"]]
    assert [flow_id] == [one["id"] for one in document(segments.get_segments(include=["flow-triggers"]))["included"]]


def test_the_sdk_reads_the_tags_of_a_segment(klaviyo: KlaviyoAPI) -> None:
    """Tags are related to the segment, and included with it, until they are taken off."""
    segment_id, tag_id = made_segment(klaviyo, "Gold", GOLD), made_tag(klaviyo, "Spring")
    segments = klaviyo.Segments
    klaviyo.Tags.tag_segments(tag_id, named("segment", segment_id))
    assert [tag_id] == ids_of(segments.get_tags_for_segment(segment_id, fields_tag=["name"]))
    assert [tag_id] == ids_of(segments.get_tag_ids_for_segment(segment_id))
    found = document(segments.get_segment(segment_id, include=["tags"]))
    assert ["Spring"] == [one["attributes"]["name"] for one in found["included"]]
    assert [segment_id] == ids_of(klaviyo.Tags.get_segment_ids_for_tag(tag_id))
    klaviyo.Tags.remove_tag_from_segments(tag_id, named("segment", segment_id))
    assert [] == ids_of(segments.get_tag_ids_for_segment(segment_id))


def test_the_sdk_learns_what_is_wrong_with_a_segment(klaviyo: KlaviyoAPI) -> None:
    """Definitions that ask for what there is not, filters and includes that are not offered."""
    segments = klaviyo.Segments
    with refused(400, "/data/attributes/definition"):
        lost = {"type": "profile-group-membership", "is_member": True, "group_ids": ["N0body"]}
        segments.create_segment(body("segment", {"name": "X", "definition": groups(lost)}))
    with refused(400, "/data/attributes/definition"):
        segments.create_segment(body("segment", {"name": "X", "definition": groups(ordered("N0body"))}))
    with refused(400, "color"):
        segments.get_segments(filter="equals(color,'red')")
    with refused(404, "N0body"):
        segments.get_profiles_for_segment("N0body")
    with refused(404, "N0body"):
        segments.delete_segment("N0body")
