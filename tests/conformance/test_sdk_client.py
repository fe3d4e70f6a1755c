"""The official SDK's client reaches the operations that pages and apps call.

The SDK is for servers and has no methods for them; its client serializes the requests as it does all others, and sends
the public id instead of the key.
"""

from __future__ import annotations

from typing import Any

from klaviyo_api import KlaviyoAPI
from sdk_bodies import body, data, ids_of, made_list
from served import Served

SARAH = {"data": {"type": "profile", "attributes": {"email": "sarah@example.com", "anonymous_id": "a-1"}}}


def sent(klaviyo: KlaviyoAPI, served: Served, path: str, document: Any) -> tuple[int, bytes]:
    """Send a body to a path of `/client` and return the status and what was answered."""
    client = klaviyo.api_client
    request = client.param_serialize(
        "POST",
        f"/client/{path}",
        query_params=[("company_id", served.account_id)],
        header_params={"Content-Type": "application/vnd.api+json", "Accept": "application/vnd.api+json"},
        body=document,
        auth_settings=[],
    )
    answer = client.call_api(*request)
    return answer.status, answer.read()


def occurrence(name: str, unique_id: str = "1") -> dict[str, Any]:
    """Return what happened."""
    metric = {"data": {"type": "metric", "attributes": {"name": name}}}
    return {"properties": {"price": 9.5}, "metric": metric, "unique_id": unique_id}


def test_a_visitor_is_tracked(klaviyo: KlaviyoAPI, served: Served) -> None:
    """By events, one or several, and by what is told of them."""
    first = body("event", {**occurrence("Viewed Product"), "profile": SARAH})
    assert (202, b"") == sent(klaviyo, served, "events", first)
    rows = [{"type": "event", "attributes": occurrence("Added to Cart", str(number))} for number in range(3)]
    several = body("event-bulk-create", {"profile": SARAH, "events": {"data": rows}})
    assert (202, b"") == sent(klaviyo, served, "event-bulk-create", several)
    told = body("profile", {"anonymous_id": "a-1", "first_name": "Sarah"})
    assert (202, b"") == sent(klaviyo, served, "profiles", told)
    [sarah] = data(klaviyo.Profiles.get_profiles(filter="equals(email,'sarah@example.com')"))
    assert "Sarah" == sarah["attributes"]["first_name"]
    assert 4 == len(ids_of(klaviyo.Events.get_events(filter=f"equals(profile_id,'{sarah['id']}')")))


def test_a_visitor_subscribes(klaviyo: KlaviyoAPI, served: Served) -> None:
    """To a list, by their number, which needs no confirmation."""
    list_id = made_list(klaviyo, "News")
    consent = {"sms": {"marketing": {"consent": "SUBSCRIBED"}}}
    person = {"data": {"type": "profile", "attributes": {"phone_number": "+15005550006", "subscriptions": consent}}}
    asked = body(
        "subscription",
        {"custom_source": "Footer", "profile": person},
        relationships={"list": {"data": {"type": "list", "id": list_id}}},
    )
    assert (202, b"") == sent(klaviyo, served, "subscriptions", asked)
    served.work()
    extra = {"additional_fields_profile": ["subscriptions"]}
    [one] = data(klaviyo.Lists.get_profiles_for_list(list_id, **extra))
    assert "SUBSCRIBED" == one["attributes"]["subscriptions"]["sms"]["marketing"]["consent"]


def test_a_device_comes_and_goes(klaviyo: KlaviyoAPI, served: Served) -> None:
    """With the token that the vendor gave it."""
    device = {"token": "t-1", "platform": "ios", "vendor": "apns", "profile": SARAH}
    told = {**device, "enablement_status": "AUTHORIZED"}
    assert (202, b"") == sent(klaviyo, served, "push-tokens", body("push-token", told))
    assert 1 == len(ids_of(klaviyo.Profiles.get_push_tokens()))
    gone = body("push-token-unregister", device)
    assert (202, b"") == sent(klaviyo, served, "push-token-unregister", gone)
    assert [] == ids_of(klaviyo.Profiles.get_push_tokens())


def test_a_mistake_is_told(klaviyo: KlaviyoAPI, served: Served) -> None:
    """As everywhere."""
    status, answer = sent(klaviyo, served, "events", body("event", {"profile": SARAH}))
    assert 400 == status
    assert b"/data/attributes/metric" in answer
