"""An account: one tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any


@dataclass(frozen=True, slots=True)
class Account:
    """One tenant and its settings.

    `clock` is 0 when the account follows the machine's clock, else the positive number of its own virtual clock, by
    which its runs and deliveries are claimed. `timezone` is an IANA name. `sender_email` and `sender_label` fill the
    sender fields that a message leaves empty.
    """

    account_id: str
    name: str
    timezone: str = "UTC"
    currency: str = "USD"
    locale: str = "en-US"
    clock: int = 0
    sender_email: str = "hello@example.com"
    sender_label: str = ""
    organization: Mapping[str, Any] = field(default_factory=dict)
    settings: Settings = field(default_factory=lambda: Settings())


@dataclass(frozen=True, slots=True)
class Settings:
    """What an account may choose about its engine; the defaults are those of the reference.

    `mass_entry_limit` is how many runs of one flow may begin within `mass_entry_window` before a user must confirm
    them, None for any number. `test` marks a developer's account: only its clock may be stopped and moved.

    `sms_countries` are the ISO 3166 countries that text messages are sent to, None for all.

    `opt_in_process`, double_opt_in or single_opt_in, is how people subscribe to e-mail where no list is named.
    `sms_minimum_age` is the age in years that somebody must prove who subscribes to text messages, None for any.

    Source: reference 4.1 (smart sending), 4.2 (quiet hours), 1.1 (late events), 10 (open decisions).
    """

    smart_sending: Mapping[str, timedelta] = field(
        default_factory=lambda: {
            "email": timedelta(hours=16),
            "sms": timedelta(hours=24),
            "push": timedelta(hours=24),
            "whatsapp": timedelta(hours=24),
        }
    )
    quiet_hours_start: str = "21:00:00"
    quiet_hours_end: str = "08:00:00"
    late_event_limit: timedelta = timedelta(hours=6)
    late_event_limit_transactional: timedelta = timedelta(days=7)
    test: bool = False
    mass_entry_limit: int | None = None
    mass_entry_window: timedelta = timedelta(hours=1)
    sms_countries: frozenset[str] | None = None
    opt_in_process: str = "double_opt_in"
    sms_minimum_age: int | None = None
