"""The zone of a phone number."""

from datetime import UTC, datetime

import pytest

from headrace.messages.phone_zones import zone_of_phone

JULY, JANUARY = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+12125550123", "America/New_York"),
        ("+14155552671", "America/Los_Angeles"),
        ("+16135550123", "America/Toronto"),
        ("+442071838750", "Europe/London"),
    ],
)
def test_a_number_is_where_its_area_code_is(number: str, zone: str) -> None:
    """Numbers of the United States and Canada by area code, others by country."""
    assert zone == str(zone_of_phone(number, JULY))


def test_a_country_of_many_zones_counts_by_its_easternmost() -> None:
    """An Australian mobile number is as late as Lord Howe Island is, in summer and in winter."""
    found = [zone_of_phone("+61412345678", now) for now in (JULY, JANUARY)]
    assert [JULY.astimezone(found[0]).hour, JANUARY.astimezone(found[1]).hour] == [10, 11]


@pytest.mark.parametrize("number", ["", "12", "+999123456789", "nonsense"])
def test_a_number_that_is_none_has_no_zone(number: str) -> None:
    """The caller falls back on the person's own zone."""
    assert zone_of_phone(number, JULY) is None
