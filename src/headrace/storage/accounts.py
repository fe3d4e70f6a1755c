"""Accounts: making them, reading them, and telling what time it is in them.

What is here: the `account` row as `model.Account`, and the account's clock. What is not: moving a virtual clock, which
the engine does because due work hangs on it. Follows DESIGN section 3 (clocks).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from headrace.clock import Clock, SystemClock, VirtualClock
from headrace.errors import CommandError
from headrace.ids import IdSource
from headrace.model import Account
from headrace.model.account import Settings
from headrace.storage.database import Database, Row

_COLUMNS = "account_id, name, timezone, currency, locale, clock, sender_email, sender_label, organization, settings"

_INSERT = """
INSERT INTO account (account_id, name, timezone, currency, locale, organization, sender_email, sender_label, settings,
                     clock, clock_now, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $10 THEN nextval('clock_serial') ELSE 0 END, $11, $12)
ON CONFLICT DO NOTHING
RETURNING clock
"""

_SYSTEM = SystemClock()


async def create_account(database: Database, ids: IdSource, account: Account, clock: Clock) -> Account:
    """Store a new account and return it with its id and the number of its clock.

    `account.account_id` may be empty, then an id is drawn; a given id that is taken raises `CommandError`. A
    `VirtualClock` gives the account a clock of its own that stands where that one stands, which makes it a test
    account; any other means the machine's.
    """
    starts_at = clock.now() if isinstance(clock, VirtualClock) else None
    if starts_at is not None:
        account = replace(account, settings=replace(account.settings, test=True))
    for _ in range(10):
        made = replace(account, account_id=account.account_id or ids.short())
        async with database.transaction() as transaction:
            values = (*_values(made), starts_at is not None, starts_at, clock.now())
            number = await transaction.fetch_value(_INSERT, *values)
        if number is not None:
            return replace(made, clock=number)
        if account.account_id:
            break
    raise CommandError(f"the account id {made.account_id} is taken; choose another")


async def get_account(database: Database, account_id: str) -> Account | None:
    """Return one account, None when there is none with this id."""
    row = await database.fetch_row(f"SELECT {_COLUMNS} FROM account WHERE account_id = $1", account_id)
    return None if row is None else account_of(row)


async def list_accounts(database: Database) -> list[Account]:
    """Return every account, oldest first."""
    rows = await database.fetch(f"SELECT {_COLUMNS} FROM account ORDER BY created_at, account_id")
    return [account_of(row) for row in rows]


async def clock_of(database: Database, account: Account) -> Clock:
    """Return the account's clock: the machine's, or one that stands where the account's row says it stands now.

    The row of a test account is always asked, because its clock may have been stopped since `account` was read.
    """
    if account.clock == 0 and not account.settings.test:
        return _SYSTEM
    now = await database.fetch_value("SELECT clock_now FROM account WHERE account_id = $1", account.account_id)
    # The account may have been given the machine's clock since `account` was read.
    return _SYSTEM if now is None else VirtualClock(now)


async def save_settings(database: Database, account_id: str, settings: Settings) -> None:
    """Give an account new settings as a whole; they count from the next batch on."""
    async with database.transaction() as transaction:
        await transaction.execute(
            "UPDATE account SET settings = $2 WHERE account_id = $1", account_id, _stored(settings)
        )


def account_of(row: Row) -> Account:
    """Return the record behind a row of `account`."""
    return Account(
        account_id=row["account_id"],
        name=row["name"],
        timezone=row["timezone"],
        currency=row["currency"],
        locale=row["locale"],
        clock=row["clock"],
        sender_email=row["sender_email"],
        sender_label=row["sender_label"],
        organization=row["organization"],
        settings=settings_of(row["settings"]),
    )


def settings_of(stored: Mapping[str, Any]) -> Settings:
    """Return the settings behind an account's `settings` column; what it leaves out has the default."""
    standard = Settings()
    windows = {channel: timedelta(seconds=value) for channel, value in stored.get("smart_sending", {}).items()}
    return Settings(
        smart_sending={**standard.smart_sending, **windows},
        quiet_hours_start=stored.get("quiet_hours_start", standard.quiet_hours_start),
        quiet_hours_end=stored.get("quiet_hours_end", standard.quiet_hours_end),
        late_event_limit=_duration(stored, "late_event_limit", standard.late_event_limit),
        late_event_limit_transactional=_duration(
            stored, "late_event_limit_transactional", standard.late_event_limit_transactional
        ),
        test=stored.get("test", standard.test),
        mass_entry_limit=stored.get("mass_entry_limit", standard.mass_entry_limit),
        mass_entry_window=_duration(stored, "mass_entry_window", standard.mass_entry_window),
        sms_countries=None if stored.get("sms_countries") is None else frozenset(stored["sms_countries"]),
        opt_in_process=stored.get("opt_in_process", standard.opt_in_process),
        sms_minimum_age=stored.get("sms_minimum_age", standard.sms_minimum_age),
    )


def _values(account: Account) -> tuple[Any, ...]:
    return (
        account.account_id,
        account.name,
        account.timezone,
        account.currency,
        account.locale,
        dict(account.organization),
        account.sender_email,
        account.sender_label,
        _stored(account.settings),
    )


def _stored(settings: Settings) -> dict[str, Any]:
    """Return settings as JSON: durations in seconds."""
    plain = asdict(settings)
    plain["smart_sending"] = {channel: span.total_seconds() for channel, span in settings.smart_sending.items()}
    plain["sms_countries"] = None if settings.sms_countries is None else sorted(settings.sms_countries)
    return {name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in plain.items()}


def _duration(stored: Mapping[str, Any], name: str, standard: timedelta) -> timedelta:
    return timedelta(seconds=stored[name]) if name in stored else standard
