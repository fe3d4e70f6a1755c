"""Bulk imports of profiles: jobs with progress, errors by row, and people on lists."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from api_client import Api, FixedClock
from people import counted, ids, made_list, made_profile, pointers, shown

from headrace.engine.core import Core
from headrace.engine.jobs import run_jobs
from headrace.engine.profile_imports import PEOPLE
from headrace.engine.setup import build_core
from headrace.ids import SeededIds
from headrace.messages.rendered import Workshop
from headrace.storage.job_items import KEPT

ROWS = "/data/attributes/profiles/data"
JOBS = "/api/profile-bulk-import-jobs"


def person(profile_id: str | None = None, *, meta: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
    """Return one row."""
    row: dict[str, Any] = {"type": "profile", "attributes": attributes}
    return {**row, **({"id": profile_id} if profile_id else {}), **({"meta": meta} if meta else {})}


def body(*rows: Any, lists: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the body of a bulk import."""
    data: dict[str, Any] = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": list(rows)}}}
    if lists:
        data["relationships"] = {"lists": {"data": [{"type": "list", "id": one} for one in lists]}}
    return {"data": data}


@pytest.fixture
def core(api: Api) -> Core:
    """The engine over the same database."""
    workshop = Workshop(api.services.signer, "http://shop.test")
    return build_core(api.services.database, workshop, ids=SeededIds(11), name="test", clock=api.services.system_clock)


async def queued(api: Api, *rows: Any, lists: tuple[str, ...] = ()) -> str:
    """Ask for an import and return the job's id."""
    answer = await api.post(JOBS, body(*rows, lists=lists))
    assert 202 == answer.status_code, answer.text
    return str(answer.json()["data"]["id"])


async def finished(api: Api, core: Core, job_id: str) -> dict[str, Any]:
    """Work the job off and return its attributes."""
    while await run_jobs(core):
        pass
    attributes: dict[str, Any] = (await api.get(f"{JOBS}/{job_id}")).json()["data"]["attributes"]
    return attributes


async def errors(api: Api, job_id: str) -> list[tuple[str, str | None]]:
    """Return code and pointer of every error of a job, having checked that each is whole."""
    found = (await api.get(f"{JOBS}/{job_id}/import-errors?page[size]=100")).json()["data"]
    for one in found:
        assert {"code", "title", "detail", "source", "original_payload"} == set(one["attributes"])
        assert "import-error" == one["type"]
        assert one["attributes"]["detail"]
    return [(one["attributes"]["code"], one["attributes"]["source"]["pointer"]) for one in found]


async def test_an_import_makes_and_changes_people(api: Api, core: Core) -> None:
    """Rows make people or change those whom an identifier or an id names; the job tells its progress."""
    ana = await made_profile(api, email="ana@b.co", first_name="Ana", properties={"a": 1, "tags": ["x"]})
    ben = await made_profile(api, email="ben@b.co")
    patch = {"patch_properties": {"append": {"tags": "y"}, "unset": ["a"]}}
    job_id = await queued(
        api,
        person(email="ANA@b.co", first_name=None, properties={"b": 2}, meta=patch),
        person(ben, title="Engineer"),
        person(
            email="cem@b.co", phone_number="+1 500 555 0006", location={"country": "DE", "timezone": "Europe/Berlin"}
        ),
    )
    waiting = (await api.get(f"{JOBS}/{job_id}")).json()["data"]["attributes"]
    done = await finished(api, core, job_id)
    assert ("queued", 3, 0, 0, None) == tuple(
        waiting[name] for name in ("status", "total_count", "completed_count", "failed_count", "completed_at")
    )
    assert ("complete", 3, 3, 0) == tuple(
        done[name] for name in ("status", "total_count", "completed_count", "failed_count")
    )
    assert all(done[name] for name in ("created_at", "started_at", "completed_at", "expires_at"))
    first = await shown(api, ana)
    assert ("ana@b.co", "Ana", {"b": 2, "tags": ["x", "y"]}) == (
        first["email"].lower(),
        first["first_name"],
        first["properties"],
    )
    assert "Engineer" == (await shown(api, ben))["title"]
    people = await api.get(f"{JOBS}/{job_id}/profiles")
    linked = await api.get(f"{JOBS}/{job_id}/relationships/profiles?page[size]=2")
    assert {"cem@b.co", "ben@b.co", first["email"]} == {one["attributes"]["email"] for one in people.json()["data"]}
    assert ids(people)[:2] == ids(linked)
    assert linked.json()["links"]["next"]
    related = (await api.get(f"{JOBS}/{job_id}")).json()["data"]["relationships"]
    assert {"lists": {"data", "links"}, "profiles": {"links"}, "import-errors": {"links"}} == {
        name: set(each) for name, each in related.items()
    }
    assert {"related"} == set(related["import-errors"]["links"])


async def test_good_rows_go_on_where_others_are_bad(api: Api, core: Core) -> None:
    """Every bad row has an error that points to it, names the value and keeps what was sent; the rest is imported."""
    ana, ben = await made_profile(api, email="ana@b.co"), await made_profile(api, external_id="7")
    bad = person(email="no address", phone_number="12345")
    job_id = await queued(
        api,
        person(email="good@b.co"),
        bad,
        "not even an object",
        person(first_name="Nobody"),
        person(email="ana@b.co", external_id="7"),
        person("01GDDKASAP8TKDDA2GRZDSVP4H", title="x"),
        person(email="x@b.co", location={"country": "Narnia", "timezone": "Mars/Olympus", "latitude": 91}),
        person(email="y@b.co", properties={"long": "x" * 102_401}),
        person(email="z@b.co", nickname="z"),
    )
    refused = (await api.get(f"{JOBS}/{job_id}")).json()["data"]["attributes"]["failed_count"]
    done = await finished(api, core, job_id)
    assert (6, "complete", 1, 8) == (refused, done["status"], done["completed_count"], done["failed_count"])
    assert [
        ("invalid", f"{ROWS}/1/attributes/email"),
        ("invalid", f"{ROWS}/1/attributes/phone_number"),
        ("invalid", f"{ROWS}/2"),
        ("invalid", f"{ROWS}/3/attributes"),
        ("duplicate_profile", f"{ROWS}/4/attributes/external_id"),
        ("not_found", f"{ROWS}/5/id"),
        ("invalid", f"{ROWS}/6/attributes/location/country"),
        ("invalid", f"{ROWS}/6/attributes/location/latitude"),
        ("invalid", f"{ROWS}/6/attributes/location/timezone"),
        ("invalid", f"{ROWS}/7"),
        ("invalid", f"{ROWS}/8/attributes/nickname"),
    ] == await errors(api, job_id)
    [first, *_] = (await api.get(f"{JOBS}/{job_id}/import-errors?page[size]=1")).json()["data"]
    assert bad == first["attributes"]["original_payload"]
    assert "no address" in first["attributes"]["detail"]
    assert {ana, ben} < set(ids(await api.get("/api/profiles")))
    assert 3 == await counted(api, "profile")


async def test_an_identifier_stands_once_in_a_job(api: Api, core: Core) -> None:
    """A later row with an identifier of an earlier good one is refused; what a bad row named is free."""
    job_id = await queued(
        api,
        person(email="ana@b.co", location={"country": "Narnia"}),
        person(email="ana@b.co", first_name="First"),
        person(email="Ana@B.co", first_name="Second"),
        person(external_id="7"),
        person(external_id="7", email="ben@b.co"),
    )
    done = await finished(api, core, job_id)
    assert [
        ("invalid", f"{ROWS}/0/attributes/location/country"),
        ("duplicate_identifier", f"{ROWS}/2/attributes/email"),
        ("duplicate_identifier", f"{ROWS}/4/attributes/external_id"),
    ] == await errors(api, job_id)
    assert (2, 3) == (done["completed_count"], done["failed_count"])
    assert ["First", None] == [
        one["attributes"]["first_name"] for one in (await api.get("/api/profiles?sort=email")).json()["data"]
    ]


async def test_everybody_of_an_import_joins_its_lists(api: Api, core: Core) -> None:
    """Imported people are put on the lists that the job names, which the job shows."""
    first, second = await made_list(api, "A"), await made_list(api, "B")
    job_id = await queued(api, person(email="ana@b.co"), person(email="nobody"), lists=(first, second))
    await finished(api, core, job_id)
    for list_id in (first, second):
        members = await api.get(f"/api/lists/{list_id}/profiles")
        assert ["ana@b.co"] == [one["attributes"]["email"] for one in members.json()["data"]]
    assert {first, second} == set(ids(await api.get(f"{JOBS}/{job_id}/lists")))
    assert {first, second} == set(ids(await api.get(f"{JOBS}/{job_id}/relationships/lists")))
    document = (await api.get(f"{JOBS}/{job_id}?include=lists")).json()
    assert {first, second} == {one["id"] for one in document["data"]["relationships"]["lists"]["data"]}
    assert {"A", "B"} == {one["attributes"]["name"] for one in document["included"]}


async def test_a_list_that_does_not_exist_is_refused(api: Api) -> None:
    """A body that names an unknown list is a 400 that points to it; no job is made."""
    answer = await api.post(JOBS, body(person(email="a@b.co"), lists=("NOPE01",)))
    assert (400, ["/data/relationships/lists/data/0/id"]) == (answer.status_code, pointers(answer))
    assert 0 == await counted(api, "job")


@pytest.mark.parametrize("rows", [[], [{"type": "profile", "attributes": {"email": "a@b.co"}}] * 10_001])
async def test_a_job_holds_one_to_ten_thousand_rows(api: Api, rows: list[Any]) -> None:
    """No rows at all and more than 10,000 are refused."""
    answer = await api.post(JOBS, body(*rows))
    assert (400, [ROWS]) == (answer.status_code, pointers(answer))


async def test_jobs_are_listed_by_their_status(api: Api, core: Core) -> None:
    """Jobs are filtered by status and sorted by when they were asked for."""
    done = await queued(api, person(email="a@b.co"))
    await finished(api, core, done)
    waiting = await queued(api, person(email="b@b.co"))
    assert [done] == ids(await api.get(f'{JOBS}?filter=equals(status,"complete")'))
    assert {done, waiting} == set(ids(await api.get(f'{JOBS}?filter=any(status,["complete","queued"])')))
    answer = await api.get(f'{JOBS}?filter=equals(status,"lost")')
    assert (400, ["filter"]) == (answer.status_code, pointers(answer))
    assert 404 == (await api.get(f"{JOBS}/nope")).status_code


async def test_an_old_job_expires(api: Api, core: Core, machine_clock: FixedClock) -> None:
    """A job that ended a week ago is gone, with its errors, once another is asked for; one that waits stays."""
    old = await queued(api, person(email="bad"))
    await finished(api, core, old)
    machine_clock.moment += KEPT
    new = await queued(api, person(email="a@b.co"))
    assert [404, 200] == [(await api.get(f"{JOBS}/{one}")).status_code for one in (old, new)]
    assert 1 == await counted(api, "job_item")


async def test_what_a_deleted_person_left_is_shown_as_an_error(api: Api, core: Core) -> None:
    """A row whose person was deleted keeps an error without what was sent, which is shown like any other."""
    job_id = await queued(api, person(email="bad"))
    await finished(api, core, job_id)
    await api.services.database.fetch(
        """UPDATE job_item SET item = '{}', error = '{"detail": "The person of this row was deleted."}' RETURNING 1"""
    )
    assert [("invalid", None)] == await errors(api, job_id)


class Killed(BaseException):
    """The process died."""


async def test_nobody_is_imported_twice_where_a_worker_dies(api: Api, core: Core) -> None:
    """A slice that dies before its commit leaves nothing; the next worker goes on and each row counts once."""
    rows = [person(external_id=str(number), properties={"n": number}) for number in range(PEOPLE + 20)]
    list_id = await made_list(api)
    job_id = await queued(api, *rows, lists=(list_id,))
    assert 1 == await run_jobs(core)
    halfway = (await api.get(f"{JOBS}/{job_id}")).json()["data"]["attributes"]

    def die(point: str) -> None:
        if point == "profile import: slice written":
            raise Killed

    with pytest.raises(Killed):
        await run_jobs(replace(core, at=die))
    await api.services.database.fetch_value("UPDATE job SET lease_until = NULL RETURNING job_id")
    done = await finished(api, core, job_id)
    assert ("processing", PEOPLE) == (halfway["status"], halfway["completed_count"])
    assert (PEOPLE + 20, 0) == (done["completed_count"], done["failed_count"])
    assert PEOPLE + 20 == await counted(api, "profile") == await counted(api, "membership")
    assert PEOPLE + 20 == await counted(api, "membership_change") == await counted(api, "identifier")
