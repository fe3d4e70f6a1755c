"""The official SDK reads the account, makes and changes people, and records events."""

from __future__ import annotations

from typing import Any

import pytest
from klaviyo_api import KlaviyoAPI
from openapi_client.exceptions import ApiException
from sdk_bodies import document, made_profile, profile


def event(name: str, email: str, **attributes: Any) -> dict[str, Any]:
    """Return the body of an event."""
    return {
        "data": {
            "type": "event",
            "attributes": {
                "properties": {"ProductName": "Winnie the Pooh", "Items": [{"SKU": "1", "Price": 9.99}]},
                "metric": {"data": {"type": "metric", "attributes": {"name": name}}},
                "profile": {"data": {"type": "profile", "attributes": {"email": email}}},
                **attributes,
            },
        }
    }


def test_the_sdk_reads_the_account(klaviyo: KlaviyoAPI) -> None:
    """Accounts are read as the SDK's strict models demand."""
    listed = document(klaviyo.Accounts.get_accounts())
    account_id = listed["data"][0]["id"]
    assert account_id == document(klaviyo.Accounts.get_account(account_id))["data"]["attributes"]["public_api_key"]


def test_the_sdk_makes_and_changes_a_profile(klaviyo: KlaviyoAPI) -> None:
    """A profile is made, read, changed, imported and found by a filter."""
    made = document(
        klaviyo.Profiles.create_profile(
            profile(
                email="sarah@example.com",
                first_name="Sarah",
                location={"city": "Boston", "timezone": "America/New_York"},
                properties={"plan": "gold"},
            )
        )
    )
    profile_id = made["data"]["id"]
    klaviyo.Profiles.update_profile(
        profile_id,
        {"data": {"type": "profile", "id": profile_id, "attributes": {"last_name": "Mason"}}},
    )
    klaviyo.Profiles.create_or_update_profile(profile(email="sarah@example.com", external_id="4711"))
    found = document(
        klaviyo.Profiles.get_profiles(
            filter="equals(email,'sarah@example.com')",
            additional_fields_profile=["subscriptions", "predictive_analytics"],
        )
    )
    [row] = found["data"]
    attributes = row["attributes"]
    assert (profile_id, "Mason", "4711") == (row["id"], attributes["last_name"], attributes["external_id"])
    assert "NEVER_SUBSCRIBED" == attributes["subscriptions"]["email"]["marketing"]["consent"]
    assert "Boston" == document(klaviyo.Profiles.get_profile(profile_id))["data"]["attributes"]["location"]["city"]


def test_the_sdk_learns_of_a_duplicate(klaviyo: KlaviyoAPI) -> None:
    """A second profile with the same address is a 409 that names the first."""
    first = document(klaviyo.Profiles.create_profile(profile(email="sarah@example.com")))["data"]["id"]
    with pytest.raises(ApiException) as caught:
        klaviyo.Profiles.create_profile(profile(email="Sarah@example.com"))
    assert 409 == caught.value.status
    assert first in str(caught.value.body)


def test_the_sdk_records_and_reads_events(klaviyo: KlaviyoAPI) -> None:
    """Events, one and many, are recorded and read with their metric and profile."""
    klaviyo.Events.create_event(event("Viewed Product", "sarah@example.com", value=9.99, unique_id="v-1"))
    occurrences = [event("Placed Order", "x@example.com", unique_id=str(number)) for number in range(3)]
    for one in occurrences:
        del one["data"]["attributes"]["profile"]
    klaviyo.Events.bulk_create_events(
        {
            "data": {
                "type": "event-bulk-create-job",
                "attributes": {
                    "events-bulk-create": {
                        "data": [
                            {
                                "type": "event-bulk-create",
                                "attributes": {
                                    "profile": {
                                        "data": {"type": "profile", "attributes": {"email": "tom@example.com"}}
                                    },
                                    "events": {"data": [one["data"] for one in occurrences]},
                                },
                            }
                        ]
                    }
                },
            }
        }
    )
    listed = document(klaviyo.Events.get_events(include=["metric", "profile"], sort="-datetime"))
    assert 4 == len(listed["data"])
    [viewed] = [one for one in listed["data"] if "$value" in one["attributes"]["event_properties"]]
    event_id = viewed["id"]
    assert 9.99 == document(klaviyo.Events.get_event(event_id))["data"]["attributes"]["event_properties"]["$value"]
    metric = document(klaviyo.Events.get_metric_for_event(event_id))["data"]
    assert "Viewed Product" == metric["attributes"]["name"]
    assert metric["id"] == document(klaviyo.Events.get_metric_id_for_event(event_id))["data"]["id"]
    person = document(klaviyo.Events.get_profile_for_event(event_id))["data"]
    assert "sarah@example.com" == person["attributes"]["email"]
    assert person["id"] == document(klaviyo.Events.get_profile_id_for_event(event_id))["data"]["id"]


def test_the_sdk_reads_metrics(klaviyo: KlaviyoAPI) -> None:
    """A metric that an event made is listed under its integration."""
    klaviyo.Events.create_event(event("Viewed Product", "sarah@example.com"))
    listed = document(klaviyo.Metrics.get_metrics(filter='equals(integration.name,"API")'))
    [metric] = listed["data"]
    assert "Viewed Product" == document(klaviyo.Metrics.get_metric(metric["id"]))["data"]["attributes"]["name"]


def test_the_sdk_walks_through_pages(klaviyo: KlaviyoAPI) -> None:
    """The SDK follows `links.next`, given whole as the cursor, to every profile once."""
    made = {made_profile(klaviyo, f"p{n}@example.com") for n in range(5)}
    seen: list[str] = []
    answer = document(klaviyo.Profiles.get_profiles(page_size=2, sort="email"))
    while True:
        seen += [one["id"] for one in answer["data"]]
        following = answer["links"].get("next")
        if following is None:
            break
        answer = document(klaviyo.Profiles.get_profiles(page_size=2, sort="email", page_cursor=following))
    assert (made, 5) == (set(seen), len(seen))
