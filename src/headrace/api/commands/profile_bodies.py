"""The bodies that describe a person, shared by profiles and events. Follows reference 7.7."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, with_config
from typing_extensions import TypedDict

from headrace.api.commands.values import (
    Country,
    Email,
    Latitude,
    Longitude,
    Phone,
    Properties,
    ShortText,
    Text,
    Zone,
)
from headrace.jsonapi.bodies import Id, Model
from headrace.storage.identity import IncomingProfile

PLAIN = ("first_name", "last_name", "organization", "locale", "title", "image")
"""Attributes stored as they come."""
IDENTIFIERS = ("email", "phone_number", "external_id", "anonymous_id")


@with_config(extra="forbid")
class Location(TypedDict, total=False):
    """Where somebody lives."""

    address1: Text | None
    address2: Text | None
    city: Text | None
    country: Country | None
    latitude: Latitude | None
    longitude: Longitude | None
    region: Text | None
    zip: Text | None
    timezone: Zone | None
    ip: ShortText | None


@with_config(extra="forbid")
class ProfileAttributes(TypedDict, total=False):
    """What a request may say about a person; null clears when a profile is changed and says nothing elsewhere.

    A dict, because every event brings one: checking it takes half of what a model takes.
    """

    email: Email | None
    phone_number: Phone | None
    external_id: ShortText | None
    anonymous_id: ShortText | None
    first_name: ShortText | None
    last_name: ShortText | None
    organization: ShortText | None
    locale: ShortText | None
    title: ShortText | None
    image: Text | None
    location: Location | None
    properties: Properties | None


class KnownAttributes(ProfileAttributes, total=False):
    """What a request may say about a person who may be known by the identity that tracked links carry."""

    _kx: Text | None


def _simple(value: Any) -> Any:
    for one in value if isinstance(value, list) else (value,):
        if isinstance(one, dict | list):
            raise ValueError("it must be a text, number or boolean, or a list of these")
    return value


Simple = Annotated[Any, AfterValidator(_simple)]


class PatchProperties(Model):
    """Changes of custom properties: values to add to lists, to take from them, and names to remove."""

    append: dict[str, Simple] | None = None
    unappend: dict[str, Simple] | None = None
    unset: str | list[str] | None = None


class Emails(Model):
    """Addresses, one or several."""

    email: Email | list[Email]

    def all(self) -> tuple[str, ...]:
        """Return the addresses."""
        return (self.email,) if isinstance(self.email, str) else tuple(self.email)


class PatchIdentifiers(Model):
    """Further addresses that name a profile beside its own: to add, and to take away."""

    append: Emails | None = None
    unappend: Emails | None = None


class ProfileMeta(Model):
    """`meta` of a profile that is changed."""

    patch_properties: PatchProperties | None = None
    patch_identifiers: PatchIdentifiers | None = None


class NewProfileData(Model):
    """`data` of a profile that is made."""

    type: Literal["profile"]
    attributes: ProfileAttributes


class NewProfile(Model):
    """The body of POST /api/profiles."""

    data: NewProfileData


class ImportData(Model):
    """`data` of a profile that is made or, where it exists, changed."""

    type: Literal["profile"]
    id: Id | None = None
    attributes: KnownAttributes
    meta: ProfileMeta | None = None


class ProfileImport(Model):
    """The body of POST /api/profile-import."""

    data: ImportData


class ChangedData(ImportData):
    """`data` of a profile that is changed; an update may consist of `meta` alone."""

    id: Id
    attributes: KnownAttributes = Field(default_factory=KnownAttributes)


class ChangedProfile(Model):
    """The body of PATCH /api/profiles/{id}."""

    data: ChangedData


def incoming_profile(attributes: ProfileAttributes, profile_id: str | None = None) -> IncomingProfile:
    """Return a person as the storage takes them; what is null or absent is left out."""
    location: dict[str, Any] = _given(attributes.get("location"))
    fields = {name: value for name, value in attributes.items() if name in PLAIN and value is not None}
    if "timezone" in location:
        fields["timezone"] = location.pop("timezone")
    return IncomingProfile(
        profile_id,
        attributes.get("email") or None,
        attributes.get("phone_number") or None,
        attributes.get("external_id") or None,
        attributes.get("anonymous_id") or None,
        fields,
        location,
        attributes.get("properties") or {},
    )


def _given(location: Location | None) -> dict[str, Any]:
    return {name: value for name, value in location.items() if value is not None} if location else {}
