"""Where a phone number is: its time zone, for quiet hours.

A number of the United States or Canada is where its area code is; any other is in the easternmost zone of its country,
where the night begins first. The library `phonenumbers` knows area codes and zones. Source: reference 4.2.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

import phonenumbers
from phonenumbers import timezone

from headrace.flows.schedule import read_zone

UNKNOWN = timezone.UNKNOWN_TIMEZONE


def zone_of_phone(number: str, now: datetime) -> tzinfo | None:
    """Return the zone of a number in E.164, None where it cannot be told.

    Our choice: where an area code spans several zones, the easternmost at `now` counts, too.
    """
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    names = timezone.time_zones_for_number(parsed)
    zones = [zone for name in names if name != UNKNOWN and (zone := read_zone(name)) is not None]
    return max(zones, key=lambda zone: now.astimezone(zone).utcoffset() or timedelta(0), default=None)
