"""`headrace account settings`: showing and changing what an account may choose about its engine.

What is here: how settings are written on the command line. What is not: what they mean (`model.account.Settings`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

import phonenumbers
import typer

from headrace.cli.accounts import Json
from headrace.cli.keys import AccountOption
from headrace.cli.output import print_json
from headrace.cli.runtime import the_account, with_database
from headrace.conditions.parsing import show
from headrace.engine.durations import read_duration
from headrace.errors import CommandError
from headrace.flows.schedule import read_time
from headrace.model.account import Account, Settings
from headrace.storage.accounts import save_settings
from headrace.storage.database import Database

NONE = "none"
Read = Callable[[str], Any]
SMART_SENDING = "smart_sending."


def settings(
    changes: Annotated[
        list[str] | None, typer.Argument(help="NAME=VALUE, as many as you like; without any, the settings are shown.")
    ] = None,
    account: AccountOption = None,
    as_json: Json = False,
) -> None:
    """Show an account's settings, or change some: durations like 16h, times like 21:00, `none` for no limit."""
    wanted = [_pair(change) for change in changes or ()]

    async def task(database: Database) -> Settings:
        found = await the_account(database, account)
        changed = found.settings
        for name, value in wanted:
            changed = changed_by(changed, name, value)
        _check_clock(found, changed)
        if wanted:
            await save_settings(database, found.account_id, changed)
        return changed

    shown = written(with_database(task))
    if as_json:
        print_json(shown)
    else:
        width = max(map(len, shown))
        for name, value in shown.items():
            print(f"{name:{width}}  {NONE if value is None else value}")


def _check_clock(account: Account, changed: Settings) -> None:
    """Raise `CommandError` when an account that stops being a test account has a clock of its own."""
    if account.clock and account.settings.test and not changed.test:
        raise CommandError(
            "'false' is not a value of test now: the account has a clock of its own; let it follow the machine's "
            "first, with `headrace clock follow`"
        )


def changed_by(settings: Settings, name: str, value: str) -> Settings:
    """Return settings with one of them changed; raises `CommandError` naming the setting, the value and the rule."""
    if name.startswith(SMART_SENDING) and name.removeprefix(SMART_SENDING) in settings.smart_sending:
        windows = {**settings.smart_sending, name.removeprefix(SMART_SENDING): _read(_window, name, value)}
        return replace(settings, smart_sending=windows)
    if name not in READERS:
        raise CommandError(f"{name!r} is not a setting; there are {', '.join(written(settings))}")
    return replace(settings, **{name: _read(READERS[name], name, value)})


def written(settings: Settings) -> dict[str, Any]:
    """Return settings as the command line writes them."""
    shown: dict[str, Any] = {
        f"{SMART_SENDING}{channel}": _span(window) for channel, window in settings.smart_sending.items()
    }
    for name in READERS:
        value = getattr(settings, name)
        shown[name] = _span(value) if isinstance(value, timedelta) else value
    if settings.sms_countries is not None:
        shown["sms_countries"] = ",".join(sorted(settings.sms_countries))
    return shown


def _pair(change: str) -> tuple[str, str]:
    name, equals, value = change.partition("=")
    if not equals:
        raise CommandError(f"{change!r} is not NAME=VALUE")
    return name.strip(), value.strip()


def _read(read: Read, name: str, value: str) -> Any:
    try:
        return read(value)
    except (CommandError, ValueError) as error:
        raise CommandError(f"{value!r} is not a value of {name}: {error}") from None


def _window(value: str) -> timedelta:
    return read_duration(value)


def _some_time(value: str) -> timedelta:
    length = read_duration(value)
    if not length:
        raise ValueError("it must be longer than nothing")
    return length


def _time_of_day(value: str) -> str:
    found = read_time(value)
    if found is None:
        raise ValueError("it must be a time of day, HH:MM or HH:MM:SS")
    return found.isoformat("seconds")


def _limit(value: str) -> int | None:
    if value.lower() == NONE:
        return None
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= 1_000_000_000):
        raise ValueError(f"it must be a number from 1 to 1000000000, or {NONE}")
    return int(value)


def _countries(value: str) -> frozenset[str] | None:
    if value.lower() == NONE:
        return None
    codes = frozenset(code.strip().upper() for code in value.split(","))
    unknown = sorted(codes - phonenumbers.SUPPORTED_REGIONS)
    if unknown:
        raise ValueError(
            f"it must be country codes such as US,CA, or {NONE} for every country; {show(unknown[0])} is none"
        )
    return codes


def _opt_in(value: str) -> str:
    if value not in ("double_opt_in", "single_opt_in"):
        raise ValueError("it must be double_opt_in or single_opt_in")
    return value


def _age(value: str) -> int | None:
    if value.lower() == NONE:
        return None
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= 120):
        raise ValueError(f"it must be a number of years from 1 to 120, or {NONE}")
    return int(value)


def _flag(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError("it must be true or false")
    return value.lower() == "true"


def _span(length: timedelta) -> str:
    """Return a duration as `read_duration` reads it."""
    left, parts = int(length.total_seconds()), []
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


READERS: Mapping[str, Read] = {
    "quiet_hours_start": _time_of_day,
    "quiet_hours_end": _time_of_day,
    "late_event_limit": _window,
    "late_event_limit_transactional": _window,
    "mass_entry_limit": _limit,
    "mass_entry_window": _some_time,
    "opt_in_process": _opt_in,
    "sms_countries": _countries,
    "sms_minimum_age": _age,
    "test": _flag,
}
"""How each setting is read; the windows of smart sending are written `smart_sending.CHANNEL`."""
