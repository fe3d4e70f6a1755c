"""`headrace person`: what a person agreed to, why they are not mailed, their devices and lists. For developers, who set
up what a flow is to meet; joining by command counts as joining through the API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import typer

from headrace.cli.keys import AccountOption
from headrace.cli.runtime import the_account, with_database
from headrace.clock import SystemClock
from headrace.errors import CommandError
from headrace.ids import RandomIds
from headrace.model import Account, Channel
from headrace.storage import identity, profile_rows
from headrace.storage.accounts import clock_of
from headrace.storage.consenting import Source, add_to_list, make_room, record_consents
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED, ConsentChange, Purpose
from headrace.storage.database import Connection, Database
from headrace.storage.groups import groups_by_name, leave_group
from headrace.storage.identity import Identifier, Kind
from headrace.storage.metrics import Metrics
from headrace.storage.own_events import OwnEvents, Room
from headrace.storage.partitions import Partitions
from headrace.storage.push_tokens import PLATFORMS, VENDORS, Token, remove_token, set_token
from headrace.storage.serials import Serials
from headrace.storage.suppressions import EVERYWHERE, Reason, Suppression, suppress, unsuppress

Result = TypeVar("Result")
Person = Annotated[str, typer.Argument(help="The person's profile id, e-mail address, phone number or external id.")]
ListName = Annotated[str, typer.Argument(metavar="list", help="The list's id or name.")]
ListOption = Annotated[str | None, typer.Option("--list", help="A list's id or name; without it, everywhere.")]
ReasonOption = Annotated[str, typer.Option(help=f"{', '.join(Reason)}.")]

CHANNELS = {"email": Channel.EMAIL, "sms": Channel.SMS, "push": Channel.PUSH, "whatsapp": Channel.WHATSAPP}
STATES = {"subscribed": SUBSCRIBED, "unsubscribed": UNSUBSCRIBED}
METHOD = "api"
"""How consent that a command sets came about. Source: reference 3.3."""
SYSTEM = SystemClock()


def consent(
    person: Person,
    state: Annotated[str, typer.Argument(help="subscribed or unsubscribed.")],
    channel: Annotated[str, typer.Option(help="email, sms, push or whatsapp.")] = "email",
    transactional: Annotated[bool, typer.Option("--transactional", help="Transactional messages only.")] = False,
    double_opt_in: Annotated[bool, typer.Option("--double-opt-in", help="The person confirmed it.")] = False,
    method: Annotated[str, typer.Option(help="How it came about, such as form or manual_import.")] = METHOD,
    source: Annotated[str | None, typer.Option(help="Your own word for where it came from.")] = None,
    account: AccountOption = None,
) -> None:
    """Write what a person agreed to on a channel, or no longer does."""
    wanted, on = _one_of("state", state, STATES), _one_of("--channel", channel, CHANNELS)
    purpose = Purpose.TRANSACTIONAL if transactional else Purpose.MARKETING

    async def task(database: Database, owner: Account, transaction: Connection, profile_id: str) -> str:
        now = (await clock_of(database, owner)).now()
        change = ConsentChange(
            profile_id,
            on,
            wanted,
            now,
            method,
            purpose=purpose,
            custom_source=source,
            double_opt_in=double_opt_in,
        )
        room = await _room(database, owner, now)
        changed = await record_consents(transaction, room, [change], now)
        return f"{profile_id} is {state} to {channel}{'' if changed else ' already'}."

    _run(person, account, task)


def suppress_(
    person: Person,
    reason: ReasonOption = Reason.USER_SUPPRESSED.value,
    list_: ListOption = None,
    account: AccountOption = None,
) -> None:
    """Keep a person from being mailed."""
    why = _reason(reason)

    async def task(database: Database, owner: Account, transaction: Connection, profile_id: str) -> str:
        list_id = await _list_id(transaction, owner.account_id, list_) if list_ else EVERYWHERE
        found = Suppression(profile_id, why, (await clock_of(database, owner)).now(), list_id)
        new = await suppress(transaction, owner.account_id, [found])
        return f"{profile_id} is suppressed{'' if new else ' already'} ({why})."

    _run(person, account, task)


def unsuppress_(
    person: Person,
    reason: Annotated[str | None, typer.Option(help="One reason; without it, all of them.")] = None,
    list_: ListOption = None,
    account: AccountOption = None,
) -> None:
    """Lift what keeps a person from being mailed; unsubscribing is lifted by `person consent`."""
    reasons = [_reason(reason)] if reason else list(Reason)

    async def task(database: Database, owner: Account, transaction: Connection, profile_id: str) -> str:
        list_id = await _list_id(transaction, owner.account_id, list_) if list_ else EVERYWHERE
        now = (await clock_of(database, owner)).now()
        lifted = await unsuppress(transaction, owner.account_id, [profile_id], reasons, now, list_id)
        of_which = f" for {reason}" if reason else ""
        return f"{profile_id} is {'no longer' if lifted else 'not'} suppressed{of_which}."

    _run(person, account, task)


def token(
    person: Person,
    value: Annotated[str, typer.Argument(metavar="TOKEN", help="The device's token.")],
    platform: Annotated[str, typer.Option(help=f"{', '.join(PLATFORMS)}.")] = "ios",
    vendor: Annotated[str, typer.Option(help=f"{', '.join(VENDORS)}.")] = "apns",
    disabled: Annotated[bool, typer.Option("--disabled", help="The owner does not allow messages.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the token away.")] = False,
    account: AccountOption = None,
) -> None:
    """Give a person a device that takes push messages, or take one away."""
    _one_of("--platform", platform, dict.fromkeys(PLATFORMS))
    _one_of("--vendor", vendor, dict.fromkeys(VENDORS))
    made = Token(value, platform, vendor, enabled=not disabled)

    async def task(database: Database, owner: Account, transaction: Connection, profile_id: str) -> str:
        now = (await clock_of(database, owner)).now()
        if remove:
            gone = await remove_token(transaction, owner.account_id, profile_id, value, now)
            return f"{profile_id} has the token {value!r} no longer." if gone else f"{profile_id} had no such token."
        await set_token(transaction, owner.account_id, profile_id, made, now)
        return f"{profile_id} has the token {value!r}."

    _run(person, account, task)


def join(person: Person, list_: ListName, account: AccountOption = None) -> None:
    """Put a person on a list; flows for the list learn of it."""

    async def task(database: Database, owner: Account, transaction: Connection, profile_id: str) -> str:
        list_id, now = await _list_id(transaction, owner.account_id, list_), (await clock_of(database, owner)).now()
        room = await _room(database, owner, now)
        joined = await add_to_list(transaction, room, list_id, [profile_id], now, Source(METHOD))
        return f"{profile_id} is on the list {list_id}{'' if joined else ' already'}."

    _run(person, account, task)


def leave(person: Person, list_: ListName, account: AccountOption = None) -> None:
    """Take a person off a list."""

    async def task(database: Database, owner: Account, transaction: Connection, profile_id: str) -> str:
        list_id, now = await _list_id(transaction, owner.account_id, list_), (await clock_of(database, owner)).now()
        left = await leave_group(transaction, owner.account_id, list_id, [profile_id], now, SYSTEM.now())
        return f"{profile_id} is {'no longer' if left else 'not'} on the list {list_id}."

    _run(person, account, task)


def _run(
    person: str, account: str | None, task: Callable[[Database, Account, Connection, str], Awaitable[str]]
) -> None:
    """Run a task about a person in one transaction and print what it tells."""

    async def work(database: Database) -> str:
        owner = await the_account(database, account)
        async with database.transaction() as transaction:
            return await task(database, owner, transaction, await profile_id_of(transaction, owner.account_id, person))

    print(with_database(work))


async def _room(database: Database, owner: Account, now: datetime) -> Room:
    """Return room for one event of the account."""
    metrics = Metrics(database, SYSTEM, RandomIds())
    own = OwnEvents(metrics, Serials(database), Partitions(database, SYSTEM))
    return await make_room(own, owner.account_id, 1, [now])


async def profile_id_of(connection: Connection, account_id: str, named: str) -> str:
    """Return the id of the profile that a command means; raises `CommandError` when there is none."""
    if await profile_rows.existing(connection, account_id, {named}):
        return named
    email = identity.normal_email(named) or ""
    kinds = [Identifier(Kind.EMAIL, email), Identifier(Kind.PHONE, named), Identifier(Kind.EXTERNAL, named)]
    found = await identity.find(connection, account_id, kinds)
    for one in kinds:
        if one in found:
            return found[one]
    raise CommandError(f"account {account_id} has no person {named!r}; name a profile by its id, address or number")


async def _list_id(connection: Connection, account_id: str, named: str) -> str:
    """Return the id of the list that a command means, by its id or its name; raises `CommandError`."""
    row = await connection.fetch_row(
        "SELECT group_id FROM profile_group WHERE account_id = $1 AND group_id = $2 AND kind = 'list'",
        account_id,
        named,
    )
    found = row["group_id"] if row else (await groups_by_name(connection, account_id, "list", [named])).get(named)
    if found is None:
        raise CommandError(f"account {account_id} has no list {named!r}")
    return str(found)


def _reason(text: str) -> Reason:
    return _one_of("--reason", text.upper(), {one.value: one for one in Reason})


def _one_of(name: str, text: str, values: dict[str, Result]) -> Result:
    if text not in values:
        raise CommandError(f"{name} {text!r} is none of {', '.join(values)}")
    return values[text]
