"""The official SDK subscribes, unsubscribes and suppresses people, and reads what came of it."""

from __future__ import annotations

from typing import Any

from klaviyo_api import KlaviyoAPI
from sdk_bodies import body, data, every_id, ids_of, made_list, made_profile, profile, refused
from served import Served

SUBSCRIBED, UNSUBSCRIBED = {"consent": "SUBSCRIBED"}, {"consent": "UNSUBSCRIBED"}


def subscription(list_id: str | None, *people: dict[str, Any], kind: str = "create", **rest: Any) -> dict[str, Any]:
    """Return the body of a job that subscribes people, or of kind `delete` unsubscribes them."""
    attributes = {"profiles": {"data": [profile(**one)["data"] for one in people]}, **rest}
    related = {"relationships": {"list": {"data": {"type": "list", "id": list_id}}}} if list_id else {}
    return body(f"profile-subscription-bulk-{kind}-job", attributes, **related)


def suppression(kind: str, *emails: str, list_id: str | None = None) -> dict[str, Any]:
    """Return the body of a job that suppresses people, or of kind `delete` takes that back."""
    attributes = {"profiles": {"data": [profile(email=one)["data"] for one in emails]}} if emails else {}
    related = {"relationships": {"list": {"data": {"type": "list", "id": list_id}}}} if list_id else {}
    return body(f"profile-suppression-bulk-{kind}-job", attributes, **related)


def subscriptions(klaviyo: KlaviyoAPI, person: str) -> dict[str, Any]:
    """Return what a profile shows of its consents."""
    shown = klaviyo.Profiles.get_profile(person, additional_fields_profile=["subscriptions"])
    found: dict[str, Any] = data(shown)["attributes"]["subscriptions"]
    return found


def test_the_sdk_subscribes_people(served: Served, klaviyo: KlaviyoAPI) -> None:
    """To e-mail and text messages, onto a list where one opts in once, and off it again."""
    profiles = klaviyo.Profiles
    person = made_profile(klaviyo, "sarah@example.com", phone_number="+15005550006")
    list_id = data(klaviyo.Lists.create_list(body("list", {"name": "News", "opt_in_process": "single_opt_in"})))["id"]
    wanted = {"email": {"marketing": SUBSCRIBED}, "sms": {"marketing": SUBSCRIBED}}
    row = {"email": "sarah@example.com", "phone_number": "+15005550006", "subscriptions": wanted}
    profiles.bulk_subscribe_profiles(subscription(list_id, row, custom_source="Checkout"))
    served.work()
    found = subscriptions(klaviyo, person)
    assert ("SUBSCRIBED", True) == tuple(
        found["email"]["marketing"][name] for name in ("consent", "can_receive_email_marketing")
    )
    assert "SUBSCRIBED" == found["sms"]["marketing"]["consent"]
    assert [person] == ids_of(klaviyo.Lists.get_profiles_for_list(list_id))
    row["subscriptions"] = {"email": {"marketing": UNSUBSCRIBED}}
    profiles.bulk_unsubscribe_profiles(subscription(None, row, kind="delete"))
    served.work()
    found = subscriptions(klaviyo, person)
    assert ("UNSUBSCRIBED", False) == tuple(
        found["email"]["marketing"][name] for name in ("consent", "can_receive_email_marketing")
    )
    assert "SUBSCRIBED" == found["sms"]["marketing"]["consent"]


def test_the_sdk_imports_old_consents(served: Served, klaviyo: KlaviyoAPI) -> None:
    """A historical import keeps the day on which consent was given, and makes people who are not known."""
    when = "2023-08-30T18:00:00+00:00"
    wanted = {"email": {"marketing": {**SUBSCRIBED, "consented_at": when}}}
    row = {"email": "tom@example.com", "subscriptions": wanted}
    klaviyo.Profiles.bulk_subscribe_profiles(subscription(made_list(klaviyo), row, historical_import=True))
    served.work()
    [person] = ids_of(klaviyo.Profiles.get_profiles(filter="equals(email,'tom@example.com')"))
    found = subscriptions(klaviyo, person)["email"]["marketing"]
    assert "SUBSCRIBED" == found["consent"]
    assert str(found["consent_timestamp"]).startswith("2023-08-30")


def test_the_sdk_suppresses_people(served: Served, klaviyo: KlaviyoAPI) -> None:
    """By address or all of a list; jobs are found by state; suppressed people are found by the reason."""
    profiles = klaviyo.Profiles
    people = [made_profile(klaviyo, f"p{number}@example.com") for number in range(3)]
    list_id = made_list(klaviyo, "Old", people[2])
    first = data(profiles.bulk_suppress_profiles(suppression("create", "p0@example.com", "p1@example.com")))["id"]
    second = data(profiles.bulk_suppress_profiles(suppression("create", list_id=list_id)))["id"]
    served.work()
    shown = data(profiles.get_bulk_suppress_profiles_job(first))["attributes"]
    assert ("complete", 2) == (shown["status"], shown["completed_count"])
    jobs = profiles.get_bulk_suppress_profiles_jobs
    assert [first, second] == every_id(jobs, sort="created")
    assert {first, second} == set(ids_of(jobs(filter="equals(status,'complete')")))
    assert [second] == ids_of(jobs(filter=f"equals(list_id,'{list_id}')"))
    assert not subscriptions(klaviyo, people[0])["email"]["marketing"]["can_receive_email_marketing"]
    by_reason = "equals(subscriptions.email.marketing.suppression.reason,'USER_SUPPRESSED')"
    assert set(people) == set(ids_of(profiles.get_profiles(filter=by_reason)))
    third = data(profiles.bulk_unsuppress_profiles(suppression("delete", "p0@example.com")))["id"]
    served.work()
    assert "complete" == data(profiles.get_bulk_unsuppress_profiles_job(third))["attributes"]["status"]
    assert [third] == ids_of(profiles.get_bulk_unsuppress_profiles_jobs(filter="equals(status,'complete')"))
    assert set(people[1:]) == set(ids_of(profiles.get_profiles(filter=by_reason)))


def test_the_sdk_learns_what_is_wrong_with_a_consent(klaviyo: KlaviyoAPI) -> None:
    """A list that there is not, an address that is none, a job that there is not, both people and a list."""
    profiles = klaviyo.Profiles
    row = {"email": "x@example.com", "subscriptions": {"email": {"marketing": SUBSCRIBED}}}
    with refused(404, "N0body"):
        profiles.bulk_subscribe_profiles(subscription("N0body", row))
    with refused(400, "/data/attributes/profiles/data/0/attributes/email"):
        profiles.bulk_subscribe_profiles(subscription(made_list(klaviyo), {**row, "email": "bad"}))
    with refused(404, "N0body"):
        profiles.get_bulk_suppress_profiles_job("N0body")
    with refused(404, "N0body"):
        profiles.get_bulk_unsuppress_profiles_job("N0body")
    with refused(400, "status"):
        profiles.get_bulk_suppress_profiles_jobs(filter="equals(status,'lost')")
