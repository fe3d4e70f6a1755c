"""A profile: one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Profile:
    """One person as conditions, gates and templates see them.

    `location` holds the API's location attributes (address1, address2, city, country, region, zip, latitude,
    longitude, ip); `timezone` is the location's IANA zone or None. `properties` are the custom ones.
    `predictive` maps the dimensions of reference 3.1 (`predicted_clv`, `channel_affinity` ...) to stored predictions.
    """

    profile_id: str
    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    anonymous_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    organization: str | None = None
    title: str | None = None
    image: str | None = None
    locale: str | None = None
    timezone: str | None = None
    location: Mapping[str, Any] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_event_at: datetime | None = None
    predictive: Mapping[str, Any] = field(default_factory=dict)
