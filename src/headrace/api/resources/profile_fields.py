"""The nested attributes of a profile: location, subscriptions, predictive analytics.

What is here: their names, for `fields[profile]`, and how they are read from a row. What is not: consent itself, which
the storage keeps. Follows reference 4.4. Our choice: predictions are not made, so each of them is null.
"""

from __future__ import annotations

from typing import Any

from headrace.ids import bucket_of
from headrace.jsonapi.resource import Row
from headrace.model.delivery import Channel

TEXTS = ("email", "phone_number", "external_id", "first_name", "last_name", "organization", "locale", "title", "image")

LOCATION = ("address1", "address2", "city", "country", "latitude", "longitude", "region", "zip", "ip")
LOCATION_NAMES = tuple(f"location.{name}" for name in (*LOCATION, "timezone"))

PREDICTIONS = (
    "historic_clv",
    "predicted_clv",
    "total_clv",
    "historic_number_of_orders",
    "predicted_number_of_orders",
    "average_days_between_orders",
    "average_order_value",
    "churn_probability",
    "expected_date_of_next_order",
    "ranked_channel_affinity",
)
PREDICTIVE_NAMES = tuple(f"predictive_analytics.{name}" for name in PREDICTIONS)

_EMAIL = (
    "can_receive_email_marketing",
    "consent",
    "consent_timestamp",
    "custom_method_detail",
    "double_optin",
    "last_updated",
    "list_suppressions",
    "method",
    "method_detail",
    "suppression",
)
_SMS = ("consent", "consent_timestamp", "last_updated", "method", "method_detail")
SUBSCRIPTION_NAMES = (
    *(f"subscriptions.{path}" for path in ("email", "email.marketing", "sms", "sms.marketing", "sms.transactional")),
    *(f"subscriptions.email.marketing.{name}" for name in _EMAIL),
    *(f"subscriptions.sms.marketing.{name}" for name in ("can_receive_sms_marketing", *_SMS)),
    *(f"subscriptions.sms.transactional.{name}" for name in ("can_receive_sms_transactional", *_SMS)),
    "subscriptions.mobile_push",
    "subscriptions.mobile_push.marketing",
)

SUBSCRIBED, UNSUBSCRIBED, NEVER = "SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"


def own_bucket(table: Any, profile_id: str) -> tuple[Any, Any]:
    """Return the conditions that name a profile in a big table, bucket and all."""
    return table.c.bucket == bucket_of(profile_id), table.c.profile_id == profile_id


def location(row: Row) -> dict[str, Any]:
    """Return where a profile lives, every part named, absent ones null."""
    stored = row["location"]
    return {**{name: stored.get(name) for name in LOCATION}, "timezone": row["timezone"]}


def subscriptions(row: Row) -> dict[str, Any]:
    """Return what a profile consented to, by channel. Source: reference 4.4."""
    consents = {entry[0]: entry for entry in row["consents"] or ()}
    email, sms = consents.get(Channel.EMAIL), consents.get(Channel.SMS)
    push = consents.get(Channel.PUSH)
    return {
        "email": {"marketing": _email(email, row["email"])},
        "sms": {
            "marketing": {"can_receive_sms_marketing": _may(sms, row["phone_number"]), **_consent(sms)},
            "transactional": {"can_receive_sms_transactional": _may(sms, row["phone_number"]), **_consent(sms)},
        },
        "mobile_push": {
            "marketing": {
                "can_receive_push_marketing": False,
                "consent": NEVER if push is None else push[1],
                "consent_timestamp": None if push is None else push[2],
            }
        },
    }


def predictive_analytics(_: Row) -> dict[str, Any]:
    """Return every prediction as null: none are made."""
    return dict.fromkeys(PREDICTIONS)


def _email(entry: Any, address: str | None) -> dict[str, Any]:
    unsubscribed = entry is not None and entry[1] == UNSUBSCRIBED
    return {
        "can_receive_email_marketing": bool(address) and not unsubscribed,
        **_consent(entry),
        "custom_method_detail": None,
        "double_optin": None,
        "suppression": [{"reason": "UNSUBSCRIBE", "timestamp": entry[2]}] if unsubscribed else [],
        "list_suppressions": [],
    }


def _may(entry: Any, number: str | None) -> bool:
    return bool(number) and entry is not None and entry[1] == SUBSCRIBED


def _consent(entry: Any) -> dict[str, Any]:
    if entry is None:
        return {
            "consent": NEVER,
            "consent_timestamp": None,
            "last_updated": None,
            "method": None,
            "method_detail": "",
        }
    _, subscription, changed_at, method, detail = entry
    return {
        "consent": subscription,
        "consent_timestamp": changed_at,
        "last_updated": changed_at,
        "method": method,
        "method_detail": detail or "",
    }
