"""The official SDK imports profiles in bulk and reads how that went."""

from __future__ import annotations

from typing import Any

from klaviyo_api import KlaviyoAPI
from sdk_bodies import body, data, document, every_id, ids_of, made_list, made_profile, profile, refused
from served import Served


def job(*people: dict[str, Any], list_id: str | None = None) -> dict[str, Any]:
    """Return the body of an import of people, who are put on a list where one is given."""
    rest = {"relationships": {"lists": {"data": [{"type": "list", "id": list_id}]}}} if list_id else {}
    return body("profile-bulk-import-job", {"profiles": {"data": [profile(**one)["data"] for one in people]}}, **rest)


def test_the_sdk_imports_people_onto_a_list(served: Served, klaviyo: KlaviyoAPI) -> None:
    """New people are made, known ones changed, all of them put on the list; the job tells of them in pages."""
    profiles = klaviyo.Profiles
    known, list_id = made_profile(klaviyo, "p0@example.com"), made_list(klaviyo)
    people = [{"email": f"p{number}@example.com", "first_name": f"P{number}"} for number in range(5)]
    made = data(profiles.bulk_import_profiles(job(*people, list_id=list_id)))
    assert ("queued", 5) == (made["attributes"]["status"], made["attributes"]["total_count"])
    served.work()
    shown = document(profiles.get_bulk_import_profiles_job(made["id"], include=["lists"], fields_list=["name"]))
    attributes = shown["data"]["attributes"]
    assert ("complete", 5, 0) == tuple(attributes[name] for name in ("status", "completed_count", "failed_count"))
    assert [("list", list_id)] == [(one["type"], one["id"]) for one in shown["included"]]
    assert [list_id] == ids_of(profiles.get_list_for_bulk_import_profiles_job(made["id"], fields_list=["name"]))
    assert [list_id] == ids_of(profiles.get_list_ids_for_bulk_import_profiles_job(made["id"]))
    done = every_id(profiles.get_profiles_for_bulk_import_profiles_job, made["id"], page_size=2)
    assert (5, True) == (len(set(done)), known in done)
    assert sorted(done) == sorted(every_id(profiles.get_profile_ids_for_bulk_import_profiles_job, made["id"]))
    assert sorted(done) == sorted(ids_of(klaviyo.Lists.get_profile_ids_for_list(list_id)))
    assert "P0" == data(profiles.get_profile(known))["attributes"]["first_name"]
    assert [] == ids_of(profiles.get_errors_for_bulk_import_profiles_job(made["id"]))


def test_the_sdk_reads_what_was_wrong_with_rows(served: Served, klaviyo: KlaviyoAPI) -> None:
    """A row that cannot be read is told with what was sent; the good rows go on."""
    profiles = klaviyo.Profiles
    rows = ({"email": "good@example.com"}, {"email": "bad"}, {"phone_number": "12"})
    made = data(profiles.bulk_import_profiles(job(*rows)))
    served.work()
    attributes = data(profiles.get_bulk_import_profiles_job(made["id"]))["attributes"]
    assert ("complete", 1, 2) == tuple(attributes[name] for name in ("status", "completed_count", "failed_count"))
    errors = data(profiles.get_errors_for_bulk_import_profiles_job(made["id"], page_size=10))
    assert 2 == len(errors)
    assert {"bad"} == {
        one["attributes"]["original_payload"]["attributes"]["email"]
        for one in errors
        if one["attributes"]["original_payload"]["attributes"].get("email")
    }
    assert 1 == len(ids_of(profiles.get_profiles()))


def test_the_sdk_finds_imports(served: Served, klaviyo: KlaviyoAPI) -> None:
    """By their state, in order of making, in pages, with few fields."""
    profiles = klaviyo.Profiles
    made = [data(profiles.bulk_import_profiles(job({"email": f"p{number}@example.com"})))["id"] for number in range(3)]
    find = profiles.get_bulk_import_profiles_jobs
    assert set(made) == set(ids_of(find(filter="any(status,['queued','processing'])")))
    served.work()
    assert [] == ids_of(find(filter="equals(status,'queued')"))
    assert made == every_id(find, sort="created_at", page_size=2)
    assert made[::-1] == every_id(find, sort="-created_at")
    assert {"complete"} == {
        one["attributes"]["status"] for one in data(find(fields_profile_bulk_import_job=["status"]))
    }


def test_the_sdk_learns_what_is_wrong_with_an_import(klaviyo: KlaviyoAPI) -> None:
    """An import without people, onto a list that there is not, and a job that there is not."""
    profiles = klaviyo.Profiles
    with refused(400, "/data/attributes/profiles"):
        profiles.bulk_import_profiles(job())
    with refused(400, "/data/relationships/lists/data/0/id", "N0body"):
        profiles.bulk_import_profiles(job({"email": "x@example.com"}, list_id="N0body"))
    with refused(404, "N0body"):
        profiles.get_bulk_import_profiles_job("N0body")
    with refused(400, "color"):
        profiles.get_bulk_import_profiles_jobs(filter="equals(color,'red')")
