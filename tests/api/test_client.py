"""What pages and apps may do with an account's public id, and what they may not."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import NEWEST, NOW, Api
from client_calls import SARAH, accepted, call, events, kx, named, profile, stored, subscription, unregister
from consent_calls import metrics
from people import counted, event, made_list, made_profile, pointers, refusals, shown
from test_push_tokens import body as token_body

from headrace.api.commands import client as commands
from headrace.model import Account
from headrace.storage import profile_rows
from headrace.storage.accounts import create_account
from headrace.storage.identity import IncomingProfile
from headrace.storage.ingest import Accepted, IncomingEvent

SIX = ("events", "event-bulk-create", "profiles", "subscriptions", "push-tokens", "push-token-unregister")


# --- who calls ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SIX)
async def test_a_private_key_is_refused(api: Api, path: str) -> None:
    """In the header or in place of the public id, whatever else is right; the key is not repeated."""
    for options in (
        {"headers": {"Authorization": f"Klaviyo-API-Key {api.key}"}},
        {"headers": {"Authorization": f"Bearer {api.key}"}},
        {"headers": {"Authorization": f"Klaviyo-API-Key {api.key}"}, "company_id": None},
        {"company_id": api.key},
    ):
        answer = await call(api, path, event(), **options)
        [(status, code, _)] = refusals(answer)
        assert (403, 403, "permission_denied") == (answer.status_code, status, code)
        assert api.key not in answer.text
    assert 0 == await counted(api, "event")


async def test_the_public_id_is_needed(api: Api) -> None:
    """Without one nobody has said who they are, and another header does not make up for it."""
    for headers in ({}, {"Authorization": "Basic c2hvcDpzZWNyZXQ="}):
        answer = await call(api, "events", event(), company_id=None, headers=headers)
        assert (401, [(401, "not_authenticated", {"parameter": "company_id"})]) == (
            answer.status_code,
            refusals(answer),
        )


@pytest.mark.parametrize("public_id", ["NOBODY", "x" * 5000, "\x00\x01", "Ünïcôd"])
async def test_an_unknown_public_id_is_a_mistake(api: Api, public_id: str) -> None:
    """As the service answers it: 400."""
    answer = await call(api, "events", event(), company_id=public_id)
    assert [(400, "invalid", {"parameter": "company_id"})] == refusals(answer)


async def test_a_password_of_a_proxy_is_passed_over(api: Api) -> None:
    """A test installation may stand behind one."""
    await accepted(api, "events", event(), headers={"Authorization": "Basic c2hvcDpzZWNyZXQ="})


async def test_the_public_id_opens_nothing_else(api: Api) -> None:
    """On `/api` it is no key, nor a parameter."""
    company = {"company_id": api.account.account_id}
    answer = await api.http.get("/api/profiles", params=company, headers={"revision": NEWEST})
    assert 401 == answer.status_code
    assert 400 == (await api.get("/api/profiles", params=company)).status_code


async def test_events_go_to_the_account_that_is_named(api: Api) -> None:
    """Each public id is one account's."""
    services = api.services
    other = await create_account(services.database, services.ids, Account("", "Other"), services.system_clock)
    await accepted(api, "events", event(), company_id=other.account_id)
    assert [other.account_id] == [one["account_id"] for one in await services.database.fetch("SELECT * FROM event")]


async def test_the_revision_is_required(api: Api) -> None:
    """As the descriptions say."""
    params = {"company_id": api.account.account_id}
    answer = await api.http.post("/client/events", json=event(), params=params)
    assert ["revision"] == pointers(answer)


async def test_a_parameter_that_is_none_is_refused(api: Api) -> None:
    """The query string holds the public id and nothing else."""
    params = {"company_id": api.account.account_id, "fields[event]": "id"}
    answer = await api.http.post("/client/events", json=event(), params=params, headers={"revision": NEWEST})
    assert ["fields[event]"] == pointers(answer)


# --- events -------------------------------------------------------------------------------------------------------


async def test_a_page_records_an_event(api: Api) -> None:
    """With its value and its visitor's properties; the answer is empty and comes after the commit."""
    person = named(email="sarah@example.com", first_name="Sarah", properties={"size": "M"}, anonymous_id="a-1")
    await accepted(api, "events", event(person=person, value=9.5, value_currency="EUR", unique_id="one"))
    await accepted(api, "events", event(person=person, unique_id="one"))
    [row] = await api.services.database.fetch("SELECT profile_id, value, value_currency FROM event")
    attributes = await shown(api, row["profile_id"])
    assert (9.5, "EUR", "Sarah", {"size": "M"}) == (
        float(row["value"]),
        row["value_currency"],
        attributes["first_name"],
        attributes["properties"],
    )


async def test_a_page_records_several_events_of_its_visitor(api: Api) -> None:
    """All or none, at most a thousand, each with its own place in the refusal."""
    await accepted(api, "event-bulk-create", events("Viewed", "Added", "Viewed", person=named(anonymous_id="a-1")))
    assert ["Added", "Viewed", "Viewed"] == await metrics(api)
    wrong = events("Viewed", "Viewed")
    wrong["data"]["attributes"]["events"]["data"][1]["attributes"]["time"] = "1970-01-01T00:00:00Z"
    answer = await call(api, "event-bulk-create", wrong)
    assert ["/data/attributes/events/data/1/attributes/time"] == pointers(answer)
    for many in (events(), events(*["Viewed"] * 1001)):
        assert ["/data/attributes/events/data"] == pointers(await call(api, "event-bulk-create", many))
    assert 3 == await counted(api, "event")


async def test_patches_of_properties_come_with_an_event(api: Api) -> None:
    """`meta` stands among the attributes, and its changes are there when the answer is."""
    profile_id = await made_profile(api, email="sarah@example.com", properties={"seen": ["a"], "old": 1})
    meta = {"patch_properties": {"append": {"seen": "b"}, "unset": "old"}}
    await accepted(api, "events", event(person=named(email="sarah@example.com", meta=meta)))
    assert {"seen": ["a", "b"]} == (await shown(api, profile_id))["properties"]


async def test_bounds_are_those_of_the_api(api: Api) -> None:
    """Bodies, properties and times."""
    many = {f"p{number}": 1 for number in range(401)}
    assert ["/data/attributes/properties"] == pointers(await call(api, "events", event(properties=many)))
    huge = event(properties={"text": "x" * 6_000_000})
    assert 413 == (await call(api, "events", huge)).status_code
    assert ["/data/attributes/profile/data/attributes"] == pointers(
        await call(api, "events", event(person={"attributes": {}}))
    )


async def test_events_of_messages_cannot_be_imitated(api: Api) -> None:
    """Conditions and reports rest on what Headrace records itself."""
    body = event("Opened Email")
    body["data"]["attributes"]["metric"]["data"]["attributes"]["service"] = "klaviyo"
    assert ["/data/attributes/metric/data/attributes/service"] == pointers(await call(api, "events", body))
    assert 0 == await counted(api, "event")


async def test_strangers_make_only_so_many_metrics(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a new name is refused, and those that the account has go on."""
    monkeypatch.setattr(commands, "MOST_METRICS", 2)
    await accepted(api, "event-bulk-create", events("One", "Two"))
    answer = await call(api, "events", event("Three"))
    assert ["/data/attributes/metric/data/attributes/name"] == pointers(answer)
    await accepted(api, "events", event("One", unique_id="again"))
    assert 202 == (await api.post("/api/events", event("Three"))).status_code
    await accepted(api, "events", event("Three", unique_id="again"))
    assert ["One", "One", "Three", "Three", "Two"] == await metrics(api)


# --- identifiers --------------------------------------------------------------------------------------------------

KNOWN = {"email": "sarah@example.com", "phone_number": "+15005550006", "external_id": "63"}


@pytest.mark.parametrize("path", ["events", "event-bulk-create", "profiles", "push-tokens"])
async def test_identifiers_of_a_known_person_are_left(api: Api, path: str) -> None:
    """What is sent beside one that is known does not replace the others, nor lead to the person afterwards."""
    await made_profile(api, **KNOWN)
    for changed in (
        {**KNOWN, "phone_number": "+15005550009"},
        {**KNOWN, "external_id": "64"},
        {"external_id": "63", "email": "thief@example.com"},
    ):
        bodies = {
            "events": event(person=named(**changed)),
            "event-bulk-create": events("Viewed", person=named(**changed)),
            "profiles": profile(named(**changed)),
            "push-tokens": token_body(person=named(**changed)),
        }
        await accepted(api, path, bodies[path])
    assert [tuple(KNOWN.values())] == await stored(api)
    found = await api.services.database.fetch("SELECT value FROM identifier ORDER BY value")
    assert ["+15005550006", "63", "sarah@example.com"] == [one["value"] for one in found]


async def test_identifiers_that_are_lacking_are_added(api: Api) -> None:
    """A page learns its visitor's address after their anonymous id."""
    await accepted(api, "events", event(person=named(anonymous_id="a-1")))
    await accepted(api, "profiles", profile(named(anonymous_id="a-1", email="sarah@example.com")))
    await accepted(api, "events", event("Bought", person=SARAH))
    assert ([("sarah@example.com", None, None)], 1) == (await stored(api), await counted(api, "profile"))


async def test_one_batch_replaces_nothing_either(api: Api) -> None:
    """Of two addresses for one person the first is kept; the other, and what names them by it, is somebody else's."""
    await made_profile(api, external_id="63")
    metric = (await api.services.metrics.ids(api.account.account_id, ["Viewed"]))["Viewed"]
    people = [
        IncomingProfile(external_id="63", email="a@example.com", guarded=True),
        IncomingProfile(external_id="63", email="b@example.com", guarded=True),
        IncomingProfile(email="b@example.com"),
    ]
    incoming = [IncomingEvent(one, metric, NOW, unique_id=str(number)) for number, one in enumerate(people)]
    found = await api.services.ingest.submit(api.account.account_id, incoming, NOW)
    first, second, third = (one.profile_id for one in found if isinstance(one, Accepted))
    assert (True, False) == (first == second, first == third)
    assert [("a@example.com", None, "63"), ("b@example.com", None, None)] == await stored(api)


async def test_an_address_that_comes_meanwhile_is_kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looked before it was there looks again."""
    await made_profile(api, external_id="63", email="sarah@example.com")
    look, looks = profile_rows.identifiers, []

    async def late(*arguments: Any) -> Any:
        looks.append(arguments)
        return [] if len(looks) == 1 else await look(*arguments)

    monkeypatch.setattr(profile_rows, "identifiers", late)
    await accepted(api, "profiles", profile(named(external_id="63", email="thief@example.com")))
    assert (2, [("sarah@example.com", None, "63")]) == (len(looks), await stored(api))


async def test_further_addresses_are_neither_added_nor_taken(api: Api) -> None:
    """`patch_identifiers` is passed over."""
    await made_profile(api, **KNOWN)
    meta = {"patch_identifiers": {"append": {"email": "thief@example.com"}, "unappend": {"email": KNOWN["email"]}}}
    body = profile(SARAH)
    body["data"]["meta"] = meta
    await accepted(api, "profiles", body)
    assert 3 == await counted(api, "identifier")


async def test_a_shop_still_changes_identifiers(api: Api) -> None:
    """With a private key the same request replaces."""
    await made_profile(api, **KNOWN)
    await api.post("/api/events", event(person=named(external_id="63", email="new@example.com")))
    assert [("new@example.com", "+15005550006", "63")] == await stored(api)


async def test_the_identity_of_a_tracked_link_names_its_person(api: Api) -> None:
    """`_kx` of this account does; of another one, or made up, it is as if it had not been sent."""
    profile_id = await made_profile(api, email="sarah@example.com")
    await accepted(api, "events", event(person=named(_kx=kx(api, profile_id))))
    for false in (kx(api, profile_id, "OTHER1"), "made-up"):
        body = event("Other", person=named(_kx=false, anonymous_id="a-1"))
        await accepted(api, "events", body)
    rows = await api.services.database.fetch("SELECT name, profile_id FROM event JOIN metric USING (metric_id)")
    assert {profile_id} == {one["profile_id"] for one in rows if one["name"] == "Viewed Product"}
    assert profile_id not in {one["profile_id"] for one in rows if one["name"] == "Other"}


# --- nothing is told ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SIX)
async def test_answers_do_not_tell_whether_somebody_is_known(api: Api, path: str) -> None:
    """Neither by an id nor by an address."""
    list_id = await made_list(api)
    profile_id = await made_profile(api, email="sarah@example.com")
    found = []
    for person in ({"id": profile_id}, {"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, {"id": "no id"}, {}):
        for email in ("sarah@example.com", "nobody@example.com"):
            described = {**person, **named(email=email)}
            bodies = {
                "events": event(person=described),
                "event-bulk-create": events("Viewed", person=described),
                "profiles": profile(described),
                "subscriptions": subscription(list_id, person_id=person.get("id"), email=email),
                "push-tokens": token_body(person=described),
                "push-token-unregister": unregister("t-1", described),
            }
            answer = await call(api, path, bodies[path])
            found.append((answer.status_code, answer.content, sorted(answer.headers)))
    assert [(202, b"")] * 8 == [one[:2] for one in found]
    assert 1 == len({str(one[2]) for one in found})


async def test_an_id_that_names_nobody_stores_nothing(api: Api) -> None:
    """The answer is the usual one."""
    nobody = {"id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "attributes": {"first_name": "No"}}
    await accepted(api, "events", event(person=nobody))
    await accepted(api, "profiles", profile(nobody))
    await accepted(api, "push-tokens", token_body(person=nobody))
    counts = [await counted(api, table) for table in ("profile", "event", "push_token", "metric")]
    assert [0, 0, 0, 0] == counts


async def test_too_many_properties_are_passed_over(api: Api) -> None:
    """A refusal would tell how many a profile has."""
    held = {f"p{number}": 1 for number in range(399)}
    profile_id = await made_profile(api, email="sarah@example.com", properties=held)
    await accepted(api, "profiles", profile(named(email="sarah@example.com", properties={"x": 1, "y": 2})))
    assert held == (await shown(api, profile_id))["properties"]


# --- profiles -----------------------------------------------------------------------------------------------------


async def test_a_page_makes_and_changes_its_visitor(api: Api) -> None:
    """Null clears what is no identifier; places and zones are taken as the API takes them."""
    where = {"city": "Oslo", "timezone": "Europe/Oslo"}
    await accepted(api, "profiles", profile(named(email="sarah@example.com", first_name="S", location=where)))
    await accepted(api, "profiles", profile(named(email="sarah@example.com", first_name=None, last_name="M")))
    profile_id = await api.services.database.fetch_value("SELECT profile_id FROM profile")
    attributes = await shown(api, profile_id)
    assert (None, "M", "Oslo", "Europe/Oslo") == (
        attributes["first_name"],
        attributes["last_name"],
        attributes["location"]["city"],
        attributes["location"]["timezone"],
    )


async def test_a_visitor_must_be_named(api: Api) -> None:
    """By anything."""
    answer = await call(api, "profiles", profile(named(first_name="Sarah")))
    assert ["/data/attributes"] == pointers(answer)
