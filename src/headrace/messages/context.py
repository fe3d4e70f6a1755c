"""The variables of a message: `person`, `event`, `organization` and the person's own properties at top level.

Source: reference 4.6. Our choice: at top level the standard fields win over custom properties of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headrace.ids import event_id
from headrace.model.account import Account
from headrace.model.event import Event
from headrace.model.profile import Profile

LOCATION = {
    "$address1": "address1",
    "$address2": "address2",
    "$city": "city",
    "$region": "region",
    "$zip": "zip",
    "$country": "country",
    "$latitude": "latitude",
    "$longitude": "longitude",
    "City": "city",
    "Region": "region",
    "Country": "country",
    "Zipcode": "zip",
}
"""Variable to location attribute."""

ADDRESS = ("street_address", "street_address2", "city", "region", "zip_code", "country")


def variables(account: Account, profile: Profile, event: Event | None) -> dict[str, Any]:
    """Return what a message's templates see."""
    person = person_variables(profile)
    return {
        **profile.properties,
        "email": profile.email,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "person": person,
        "event": event_variables(event) if event else {},
        "organization": organization_variables(account),
    }


def person_variables(profile: Profile) -> dict[str, Any]:
    """Return the members of `person`."""
    names = [name for name in (profile.first_name, profile.last_name) if name]
    return {
        **{variable: profile.location.get(attribute) for variable, attribute in LOCATION.items()},
        "$timezone": profile.timezone,
        **profile.properties,
        "id": profile.profile_id,
        "KlaviyoID": profile.profile_id,
        "external_id": profile.external_id,
        "email": profile.email,
        "phone_number": profile.phone_number,
        "first_name": profile.first_name,
        "last_name": profile.last_name,
        "full_name": " ".join(names),
        "title": profile.title,
        "organization": profile.organization,
        "image": profile.image,
        "locale": profile.locale,
    }


def event_variables(event: Event) -> dict[str, Any]:
    """Return the members of `event`: its properties, its value and its id."""
    return {
        "$event_id": event_id(event.number),
        "$value": _plain(event.value),
        "$currency_code": event.value_currency,
        **event.properties,
    }


def organization_variables(account: Account) -> dict[str, Any]:
    """Return the members of `organization`; `full_address` is put together when it is not given."""
    given: Mapping[str, Any] = account.organization
    parts = [str(given[name]) for name in ADDRESS if given.get(name)]
    return {"name": account.name, "url": "", "full_address": ", ".join(parts), **given}


def _plain(value: Decimal | None) -> int | float | None:
    """Return money as the number that JSON would hold."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)
