"""The bodies that describe a person, shared by profiles and events. Follows reference 7.7."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from headrace.api.commands.values import Coordinate, Email, Phone, Properties, ShortText, Text
from headrace.jsonapi.bodies import Id, Model
from headrace.storage.identity import IncomingProfile

PLAIN = ("first_name", "last_name", "organization", "locale", "title", "image")
"""Attributes stored as they come."""
IDENTIFIERS = ("email", "phone_number", "external_id", "anonymous_id")


class Location(Model):
    """Where somebody lives."""

    address1: Text | None = None
    address2: Text | None = None
    city: Text | None = None
    country: Text | None = None
    latitude: Coordinate | None = None
    longitude: Coordinate | None = None
    region: Text | None = None
    zip: Text | None = None
    timezone: ShortText | None = None
    ip: ShortText | None = None


class ProfileAttributes(Model):
    """What a request may say about a person; null clears when a profile is changed and says nothing elsewhere."""

    email: Email | None = None
    phone_number: Phone | None = None
    external_id: ShortText | None = None
    anonymous_id: ShortText | None = None
    first_name: ShortText | None = None
    last_name: ShortText | None = None
    organization: ShortText | None = None
    locale: ShortText | None = None
    title: ShortText | None = None
    image: Text | None = None
    location: Location | None = None
    properties: Properties | None = None


class PatchProperties(Model):
    """Changes of custom properties: values to add to lists, to take from them, and names to remove."""

    append: dict[str, Any] | None = None
    unappend: dict[str, Any] | None = None
    unset: str | list[str] | None = None


class ProfileMeta(Model):
    """`meta` of a profile that is changed."""

    patch_properties: PatchProperties | None = None


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
    attributes: ProfileAttributes
    meta: ProfileMeta = Field(default_factory=ProfileMeta)


class ProfileImport(Model):
    """The body of POST /api/profile-import."""

    data: ImportData


class ChangedData(ImportData):
    """`data` of a profile that is changed; an update may consist of `meta` alone."""

    id: Id
    attributes: ProfileAttributes = Field(default_factory=ProfileAttributes)


class ChangedProfile(Model):
    """The body of PATCH /api/profiles/{id}."""

    data: ChangedData


def incoming_profile(attributes: ProfileAttributes, profile_id: str | None = None) -> IncomingProfile:
    """Return a person as the storage takes them; what is null or absent is left out."""
    given = attributes.model_dump(exclude_none=True)
    location: dict[str, Any] = given.get("location", {})
    fields = {name: given[name] for name in PLAIN if name in given}
    if "timezone" in location:
        fields["timezone"] = location.pop("timezone")
    return IncomingProfile(
        profile_id=profile_id,
        **{name: given.get(name) or None for name in IDENTIFIERS},
        fields=fields,
        location=location,
        properties=attributes.properties or {},
    )
