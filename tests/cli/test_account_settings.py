"""`headrace account settings`."""

import pytest
from commands import Commands


def test_settings_are_shown_and_changed(headrace: Commands, account: str) -> None:
    """What is changed is kept, everything else has its default, and durations are told as they are written."""
    before = headrace.data("account", "settings")
    changes = ("mass_entry_limit=5000", "mass_entry_window=1d 2h", "smart_sending.sms=90m", "sms_countries=us,ca")
    changed = headrace.data("account", "settings", *changes, "quiet_hours_start=22:30")

    expected = {
        "mass_entry_limit": 5000,
        "mass_entry_window": "1d 2h",
        "smart_sending.sms": "1h 30m",
        "sms_countries": "CA,US",
        "quiet_hours_start": "22:30:00",
    }
    assert {**before, **expected} == changed == headrace.data("account", "settings")
    assert (before["mass_entry_limit"], before["late_event_limit"]) == (None, "6h")


def test_a_limit_can_be_taken_back(headrace: Commands, account: str) -> None:
    """`none` stands for no limit."""
    headrace.data("account", "settings", "mass_entry_limit=5")
    assert headrace.data("account", "settings", "mass_entry_limit=none")["mass_entry_limit"] is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("volume=11", "'volume' is not a setting; there are smart_sending.email, "),
        ("mass_entry_limit", "'mass_entry_limit' is not NAME=VALUE"),
        ("mass_entry_limit=0", "'0' is not a value of mass_entry_limit: it must be a number from 1"),
        ("mass_entry_window=0s", "'0s' is not a value of mass_entry_window: it must be longer than nothing"),
        ("late_event_limit=soon", "'soon' is not a value of late_event_limit: 'soon' is not a duration"),
        ("quiet_hours_end=25:00", "'25:00' is not a value of quiet_hours_end: it must be a time of day"),
        ("sms_countries=USA", "'USA' is not a value of sms_countries: it must be country codes"),
        ("sms_countries=US,XX", "'US,XX' is not a value of sms_countries: it must be country codes such as US,CA"),
        ("test=maybe", "'maybe' is not a value of test: it must be true or false"),
    ],
)
def test_a_bad_setting_is_refused_by_name_value_and_rule(
    headrace: Commands, account: str, change: str, told: str
) -> None:
    """Nothing changes, not even what was right beside it."""
    assert told in headrace.fails("account", "settings", "mass_entry_window=2h", change)
    assert headrace.data("account", "settings")["mass_entry_window"] == "1h"


def test_a_test_account_follows_the_clock_before_it_is_none(headrace: Commands, account: str) -> None:
    """Nobody could move a stopped clock again; other settings change meanwhile."""
    headrace.data("account", "settings", "test=true")
    headrace.run("clock", "freeze")
    told = headrace.fails("account", "settings", "test=false")
    assert "has a clock of its own" in told
    assert "headrace clock follow" in told
    headrace.data("account", "settings", "mass_entry_limit=5")
    headrace.run("clock", "follow")
    assert headrace.data("account", "settings", "test=false")["test"] is False
