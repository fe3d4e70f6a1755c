"""The nested attributes of a profile: location, subscriptions, predictive analytics.

What is here: their names, for `fields[profile]`, and how they are read from a row. What is not: the columns that they
are read from (`profile_columns`) and consent itself, which the storage keeps. Follows reference 4.4. Predictions are
not made; those that somebody stored are shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from headrace.ids import bucket_of
from headrace.jsonapi.resource import Row
from headrace.model.delivery import Channel
from headrace.storage.consents import Purpose
from headrace.storage.suppressions import EVERYWHERE, Reason

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

_CONSENTED = ("consent", "consent_timestamp", "last_updated")
_EMAIL = (
    "can_receive_email_marketing",
    *_CONSENTED,
    "custom_method_detail",
    "double_optin",
    "list_suppressions",
    "method",
    "method_detail",
    "suppression",
)
_SMS = (*_CONSENTED, "method", "method_detail")
_CHANNEL = ("can_receive", *_CONSENTED, "created_timestamp", "metadata", "valid_until")
_WHATSAPP = (*_CHANNEL, "phone_number")
_PUSH = ("can_receive_push_marketing", "consent", "consent_timestamp")
_PATHS: Mapping[str, tuple[str, ...]] = {
    "email.marketing": _EMAIL,
    "email.open_tracking": _CHANNEL,
    "sms.marketing": ("can_receive_sms_marketing", *_SMS),
    "sms.transactional": ("can_receive_sms_transactional", *_SMS),
    "mobile_push.marketing": _PUSH,
    "whatsapp.marketing": _WHATSAPP,
    "whatsapp.transactional": _WHATSAPP,
    "whatsapp.conversational": _WHATSAPP,
}
SUBSCRIPTION_NAMES = (
    *(f"subscriptions.{one}" for one in dict.fromkeys(path.split(".")[0] for path in _PATHS)),
    *(f"subscriptions.{path}" for path in _PATHS),
    *(f"subscriptions.{path}.{name}" for path, names in _PATHS.items() for name in names),
)

SUBSCRIBED, UNSUBSCRIBED, NEVER = "SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED"


def own_bucket(table: Any, profile_id: str) -> tuple[Any, Any]:
    """Return the conditions that name a profile in a big table, bucket and all."""
    return table.c.bucket == bucket_of(profile_id), table.c.profile_id == profile_id


def location(row: Row) -> dict[str, Any]:
    """Return where a profile lives, every part named, absent ones null."""
    stored = row["location"]
    return {**{name: stored.get(name) for name in LOCATION}, "timezone": row["timezone"]}


class Consent(NamedTuple):
    """A consent as its row has it; moments are texts."""

    channel: int
    purpose: int
    subscription: str
    changed_at: str
    recorded_at: str | None
    method: str | None
    detail: str | None
    custom_source: str | None
    double_opt_in: bool


Consents = Mapping[tuple[int, int], Consent]


def subscriptions(row: Row) -> dict[str, Any]:
    """Return what a profile consented to, by channel and purpose. Source: reference 4.4."""
    rows = [Consent(*entry) for entry in row["consents"] or ()]
    consents = {(one.channel, one.purpose): one for one in rows}
    number = row["phone_number"]
    tracking = consents.get((Channel.EMAIL, Purpose.OPEN_TRACKING))
    return {
        "email": {
            "marketing": _email(consents.get((Channel.EMAIL, Purpose.MARKETING)), row),
            # Opens are followed unless somebody said no: nothing has to be agreed to before.
            "open_tracking": _channel(tracking, tracking is None or tracking.subscription == SUBSCRIBED),
        },
        "sms": {
            "marketing": {
                "can_receive_sms_marketing": _agreed(consents, Channel.SMS, Purpose.MARKETING) and bool(number),
                **_consent(consents.get((Channel.SMS, Purpose.MARKETING))),
            },
            "transactional": {
                "can_receive_sms_transactional": _agreed(consents, Channel.SMS, Purpose.TRANSACTIONAL) and bool(number),
                **_consent(consents.get((Channel.SMS, Purpose.TRANSACTIONAL))),
            },
        },
        "mobile_push": {"marketing": _push(consents.get((Channel.PUSH, Purpose.MARKETING)), row["devices"] or ())},
        "whatsapp": {
            purpose.name.lower(): _whatsapp(consents, purpose, number)
            for purpose in (Purpose.MARKETING, Purpose.TRANSACTIONAL, Purpose.CONVERSATIONAL)
        },
    }


def predictive_analytics(row: Row) -> dict[str, Any]:
    """Return the predictions that were stored for a profile; others are null. Source: reference 3.1."""
    stored = row["predictive"]
    shown = {name: stored.get(name) for name in PREDICTIONS}
    shown["expected_date_of_next_order"] = stored.get("expected_date_of_next_purchase")
    affinity = stored.get("channel_affinity") or {}
    ranked = sorted((one for one in affinity if "priority" in affinity[one]), key=lambda one: affinity[one]["priority"])
    return {**shown, "ranked_channel_affinity": ranked or None}


def suppressions_of(row: Row) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return why a profile gets no marketing e-mail: everywhere, and from single lists, the oldest reasons first.

    Having unsubscribed from everything is a state of consent, which is shown among the reasons.
    """
    everywhere, lists = [], []
    for list_id, reason, at in sorted(row["suppressions"] or (), key=lambda one: (one[2], one[0], one[1])):
        if list_id == EVERYWHERE:
            everywhere.append({"reason": reason, "timestamp": at})
        else:
            lists.append({"list_id": list_id, "reason": reason, "timestamp": at})
    return everywhere, lists


def _email(one: Consent | None, row: Row) -> dict[str, Any]:
    everywhere, lists = suppressions_of(row)
    gone = one is not None and one.subscription == UNSUBSCRIBED
    if one is not None and gone and all(each["reason"] != Reason.UNSUBSCRIBE for each in everywhere):
        everywhere.append({"reason": Reason.UNSUBSCRIBE.value, "timestamp": one.changed_at})
    return {
        "can_receive_email_marketing": bool(row["email"]) and not everywhere,
        **_consent(one),
        "custom_method_detail": one.custom_source if one else None,
        "double_optin": one.double_opt_in if one else None,
        "suppression": everywhere,
        "list_suppressions": lists,
    }


def _agreed(consents: Consents, channel: Channel, purpose: Purpose) -> bool:
    """Return whether messages may be sent: consent to marketing covers what was not asked for separately.

    Source: reference 4.4; as the gates decide.
    """
    own = consents.get((channel, purpose))
    if own is None and purpose is Purpose.TRANSACTIONAL:
        own = consents.get((channel, Purpose.MARKETING))
    return own is not None and own.subscription == SUBSCRIBED


def _consent(one: Consent | None) -> dict[str, Any]:
    return {
        **_state(one),
        "method": one.method.upper() if one and one.method else None,
        "method_detail": (one.detail if one else None) or "",
    }


def _state(one: Consent | None) -> dict[str, Any]:
    if one is None:
        return {"consent": NEVER, "consent_timestamp": None, "last_updated": None}
    return {
        "consent": one.subscription,
        "consent_timestamp": one.changed_at,
        "last_updated": one.recorded_at or one.changed_at,
    }


def _channel(one: Consent | None, can_receive: bool) -> dict[str, Any]:
    return {
        **_state(one),
        "created_timestamp": one.changed_at if one else None,
        "metadata": None,
        "can_receive": can_receive,
        "valid_until": None,
    }


def _whatsapp(consents: Consents, purpose: Purpose, number: str | None) -> dict[str, Any]:
    one = consents.get((Channel.WHATSAPP, purpose))
    may = _agreed(consents, Channel.WHATSAPP, purpose) and bool(number)
    return {**_channel(one, may), "phone_number": number if one else None}


def _push(one: Consent | None, devices: Sequence[tuple[bool, str]]) -> dict[str, Any]:
    """Return what a person's devices take; without a consent of its own, a token that is allowed is one."""
    allowed = sorted(at for enabled, at in devices if enabled)
    shown = _state(one)
    if one is None and devices:
        shown = {"consent": SUBSCRIBED if allowed else UNSUBSCRIBED, "consent_timestamp": min(at for _, at in devices)}
    return {
        "can_receive_push_marketing": bool(allowed),
        "consent": shown["consent"],
        "consent_timestamp": shown["consent_timestamp"],
    }
