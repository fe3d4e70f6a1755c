"""The official SDK works with lists: their members, tags and the flows that they start, filters, pages and mistakes."""

from __future__ import annotations

from klaviyo_api import KlaviyoAPI
from sdk_bodies import (
    body,
    data,
    document,
    every_id,
    ids_of,
    made_flow,
    made_list,
    made_profile,
    made_tag,
    named,
    refused,
)


def test_the_sdk_makes_and_changes_a_list(klaviyo: KlaviyoAPI) -> None:
    """A list is made with a way of opting in, renamed, read with its count, and deleted."""
    made = data(klaviyo.Lists.create_list(body("list", {"name": "News", "opt_in_process": "single_opt_in"})))
    assert ("News", "single_opt_in") == (made["attributes"]["name"], made["attributes"]["opt_in_process"])
    list_id = made["id"]
    changed = data(klaviyo.Lists.update_list(list_id, body("list", {"name": "Letters"}, list_id)))
    assert "Letters" == changed["attributes"]["name"]
    double = body("list", {"opt_in_process": "double_opt_in"}, list_id)
    assert "double_opt_in" == data(klaviyo.Lists.update_list(list_id, double))["attributes"]["opt_in_process"]
    klaviyo.Lists.add_profiles_to_list(list_id, named("profile", made_profile(klaviyo, "sarah@example.com")))
    counted = data(klaviyo.Lists.get_list(list_id, additional_fields_list=["profile_count"]))["attributes"]
    assert ("Letters", 1) == (counted["name"], counted["profile_count"])
    klaviyo.Lists.delete_list(list_id)
    with refused(404, list_id):
        klaviyo.Lists.get_list(list_id)


def test_the_sdk_finds_lists(klaviyo: KlaviyoAPI) -> None:
    """By name, id and time of making, sorted, in pages, and with as few fields as are asked for."""
    made = [made_list(klaviyo, f"List {number:02}") for number in range(12)]
    lists = klaviyo.Lists
    assert [made[3]] == ids_of(lists.get_lists(filter="equals(name,'List 03')"))
    assert {made[3], made[4]} == set(ids_of(lists.get_lists(filter="any(name,['List 03','List 04','List 99'])")))
    assert [made[5]] == ids_of(lists.get_lists(filter=f"equals(id,'{made[5]}')"))
    assert [] == ids_of(lists.get_lists(filter="greater-than(created,2100-01-01T00:00:00Z)"))
    assert made[::-1] == every_id(lists.get_lists, sort="-name")
    assert made == every_id(lists.get_lists, sort="name", page_size=5)
    assert [["id", "name"]] * 10 == [
        sorted([*(key for key, value in one["attributes"].items() if value is not None), "id"])
        for one in data(lists.get_lists(fields_list=["name"]))
    ]


def test_the_sdk_reads_the_members_of_a_list(klaviyo: KlaviyoAPI) -> None:
    """With the time of joining, by filter, in order of joining, in pages, with what is on request."""
    people = [made_profile(klaviyo, f"p{number}@example.com") for number in range(5)]
    list_id = made_list(klaviyo, "VIP", *people)
    lists = klaviyo.Lists
    assert sorted(people) == sorted(every_id(lists.get_profiles_for_list, list_id, page_size=2))
    assert sorted(people) == sorted(every_id(lists.get_profile_ids_for_list, list_id, page_size=2))
    by_email = "equals(email,'p3@example.com')"
    assert [people[3]] == ids_of(lists.get_profiles_for_list(list_id, filter=by_email))
    assert [people[3]] == ids_of(lists.get_profile_ids_for_list(list_id, filter="any(email,['p3@example.com'])"))
    early = "less-than(joined_group_at,2020-01-01T00:00:00Z)"
    assert [] == ids_of(lists.get_profiles_for_list(list_id, filter=early, sort="-joined_group_at"))
    extra = {"additional_fields_profile": ["subscriptions"], "fields_profile": ["email", "joined_group_at"]}
    [one] = data(lists.get_profiles_for_list(list_id, filter=by_email, **extra))
    assert "p3@example.com" == one["attributes"]["email"]
    assert one["attributes"]["joined_group_at"]
    lists.remove_profiles_from_list(list_id, named("profile", *people[:4]))
    assert people[4:] == ids_of(lists.get_profiles_for_list(list_id))


def test_the_sdk_reads_the_flows_of_a_list(klaviyo: KlaviyoAPI) -> None:
    """Flows that begin when somebody joins are related to the list, and included with it."""
    list_id, lists = made_list(klaviyo), klaviyo.Lists
    assert [] == ids_of(lists.get_flows_triggered_by_list(list_id))
    flow_id = made_flow(klaviyo, "list", list_id)
    assert [flow_id] == ids_of(lists.get_flows_triggered_by_list(list_id, fields_flow=["name", "status"]))
    assert [flow_id] == ids_of(lists.get_ids_for_flows_triggered_by_list(list_id))
    found = document(lists.get_list(list_id, include=["flow-triggers"], fields_flow=["name"]))
    assert [("flow", flow_id)] == [(one["type"], one["id"]) for one in found["included"]]
    listed = document(lists.get_lists(include=["flow-triggers"]))
    assert [flow_id] == [one["id"] for one in listed["included"]]


def test_the_sdk_reads_the_tags_of_a_list(klaviyo: KlaviyoAPI) -> None:
    """Tags are related to the list, and included with it, until they are taken off."""
    list_id, tag_id, lists = made_list(klaviyo), made_tag(klaviyo, "Spring"), klaviyo.Lists
    klaviyo.Tags.tag_lists(tag_id, named("list", list_id))
    assert [tag_id] == ids_of(lists.get_tags_for_list(list_id, fields_tag=["name"]))
    assert [tag_id] == ids_of(lists.get_tag_ids_for_list(list_id))
    found = document(lists.get_list(list_id, include=["tags"], fields_tag=["name"]))
    assert [("tag", "Spring")] == [(one["type"], one["attributes"]["name"]) for one in found["included"]]
    assert [tag_id] == [one["id"] for one in document(lists.get_lists(include=["tags"]))["included"]]
    assert [list_id] == ids_of(klaviyo.Tags.get_list_ids_for_tag(tag_id))
    klaviyo.Tags.remove_tag_from_lists(tag_id, named("list", list_id))
    assert [] == ids_of(lists.get_tags_for_list(list_id))


def test_the_sdk_learns_what_is_wrong_with_a_list(klaviyo: KlaviyoAPI) -> None:
    """Names that are too long, members that do not exist, filters and sorts that are not offered."""
    list_id, lists = made_list(klaviyo), klaviyo.Lists
    with refused(400, "/data/attributes/name"):
        lists.create_list(body("list", {"name": ""}))
    with refused(400, "01HFZZZZZZZZZZZZZZZZZZZZZZ"):
        lists.add_profiles_to_list(list_id, named("profile", "01HFZZZZZZZZZZZZZZZZZZZZZZ"))
    with refused(400, "color"):
        lists.get_lists(filter="equals(color,'red')")
    with refused(400, "color"):
        lists.get_lists(sort="color")
    with refused(404, "nobody"):
        lists.get_profiles_for_list("nobody")
