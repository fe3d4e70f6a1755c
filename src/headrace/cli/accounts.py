"""`headrace account`: making and listing tenants."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

import typer

from headrace.cli.output import print_json, print_rows
from headrace.cli.runtime import with_database
from headrace.clock import Clock, SystemClock, VirtualClock
from headrace.errors import CommandError
from headrace.ids import RandomIds
from headrace.model import Account
from headrace.model.account import Settings
from headrace.storage.accounts import create_account, list_accounts
from headrace.storage.database import Database

EMAIL = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")
"""An address alone, without a name: what the API takes for a profile's address."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def create(
    name: Annotated[str, typer.Argument(help="The organization's name.")],
    timezone: Annotated[str, typer.Option(help="An IANA time zone; reports use it.")] = "UTC",
    currency: Annotated[str, typer.Option(help="A currency code of three letters.")] = "USD",
    sender_email: Annotated[
        str, typer.Option(help="The address that messages without one are sent from.")
    ] = "hello@example.com",
    virtual_clock: Annotated[
        str | None, typer.Option(help="Give the account a clock of its own that stands at this ISO 8601 time.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Let the account's clock be stopped and moved (`headrace clock`).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make an account and print its id."""
    _check(name, timezone, currency, sender_email)
    account = Account(
        account_id="",
        name=name,
        timezone=timezone,
        currency=currency,
        sender_email=sender_email,
        sender_label=name,
        organization={"name": name},
        settings=Settings(test=test),
    )

    async def task(database: Database) -> Account:
        return await create_account(database, RandomIds(), account, _clock(virtual_clock))

    made = with_database(task)
    if as_json:
        print_json(_record(made))
    else:
        print(f"Made account {made.account_id} ({made.name}, {made.timezone}).")
        print(f"Make a key for it: headrace key create --account {made.account_id} --scopes full")


def list_(as_json: Json = False) -> None:
    """List the accounts, oldest first."""
    accounts = with_database(list_accounts)
    rows = [_record(account) for account in accounts]
    print_rows(rows, ("account_id", "name", "timezone", "currency", "clock", "test"), as_json=as_json)


def _record(account: Account) -> dict[str, object]:
    return {
        "account_id": account.account_id,
        "name": account.name,
        "timezone": account.timezone,
        "currency": account.currency,
        "clock": "virtual" if account.clock else "system",
        "test": account.settings.test,
    }


def check_timezone(named: str) -> None:
    """Refuse what is no IANA time zone; raises `CommandError`."""
    if named not in available_timezones():
        raise CommandError(f"{named!r} is not an IANA time zone, such as Europe/Berlin")


def _check(name: str, timezone: str, currency: str, sender_email: str) -> None:
    if not name.strip():
        raise CommandError("the account's name is empty")
    check_timezone(timezone)
    if not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise CommandError(f"{currency!r} is not a currency code; it must be three capital letters, such as USD")
    if not EMAIL.fullmatch(sender_email):
        raise CommandError(f"{sender_email!r} is not an e-mail address, such as hello@example.com")


def _clock(moment: str | None) -> Clock:
    if moment is None:
        return SystemClock()
    try:
        return VirtualClock(datetime.fromisoformat(moment))
    except ValueError as error:
        raise CommandError(f"--virtual-clock {moment!r} is not an ISO 8601 time with an offset: {error}") from error
