"""What people and callers do about subscriptions in a scenario: as the API, the mails and the phones would do it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from scenario import Scenario, span

from headrace.clock import SystemClock
from headrace.engine.inbound_sms import InboundSms, Place, take_in
from headrace.engine.opt_in import Confirmed, confirm
from headrace.engine.opt_in_mail import fingerprint
from headrace.engine.subscription_rows import SUBSCRIBE, UNSUBSCRIBE, Order, Person, Wish, arguments
from headrace.ids import bucket_of
from headrace.messages.tokens import Kind, Payload
from headrace.model import Channel
from headrace.storage import groups, jobs
from headrace.storage.database import Row


async def to_subscriptions(scenario: Scenario, moment: Mapping[str, Any]) -> bool:
    """Let one thing happen; False when it is about something else."""
    match moment:
        case {"subscribe": channels, "person": person}:
            await _enqueue(scenario, SUBSCRIBE, channels, person, moment)
        case {"unsubscribe": channels, "person": person}:
            await _enqueue(scenario, UNSUBSCRIBE, channels, person, moment)
        case {"opt_in": process, "list": name}:
            await _set_process(scenario, name, process)
        case {"confirm": name, "person": person}:
            await _confirm(scenario, name, person)
        case {"text": body, "person": person}:
            await _text(scenario, body, person)
        case _:
            return False
    return True


async def _row(scenario: Scenario, person: str) -> Row:
    profile_id = scenario.shop.people[person]
    query = "SELECT * FROM profile WHERE bucket = $1 AND account_id = $2 AND profile_id = $3"
    place = (bucket_of(profile_id), scenario.shop.account.account_id, profile_id)
    row = await scenario.shop.database.fetch_row(query, *place)
    assert row is not None
    return row


async def _enqueue(scenario: Scenario, kind: str, channels: list[str], person: str, moment: Mapping[str, Any]) -> None:
    shop, now, row = scenario.shop, await scenario.shop.now(), await _row(scenario, person)
    dated: datetime | None = now + span(moment["historical"]) if "historical" in moment else None
    wishes = tuple(Wish(int(Channel[one.upper()]), 0, dated) for one in channels)
    wanted = Person(email=row["email"], phone_number=row["phone_number"], wishes=wishes)
    list_id = scenario.names["list"][moment["list"]] if "list" in moment else None
    order = Order(now, list_id, historical=dated is not None)
    async with shop.database.transaction() as transaction:
        told = arguments(order, [wanted])
        await jobs.enqueue(transaction, shop.account.account_id, shop.ids, kind, told, SystemClock().now())


async def _set_process(scenario: Scenario, name: str, process: str) -> None:
    shop = scenario.shop
    async with shop.database.transaction() as transaction:
        place = (transaction, shop.account.account_id, scenario.names["list"][name])
        await groups.change_list(*place, {"opt_in_process": process}, await shop.now())


async def _confirm(scenario: Scenario, name: str, person: str) -> None:
    """Press the button behind the mail."""
    shop, profile_id = scenario.shop, scenario.shop.people[person]
    list_id, address = scenario.names["list"][name], (await _row(scenario, person))["email"]
    payload = Payload(Kind.CONFIRM, shop.account.account_id, profile_id, message_id=list_id, url=fingerprint(address))
    done = await confirm(shop.database, shop.core.own_events, payload, profile_id, await shop.now())
    assert done is Confirmed.NOW, f"{person} was not asked to confirm {name}"


async def _text(scenario: Scenario, body: str, person: str) -> None:
    shop, row = scenario.shop, await _row(scenario, person)
    place = Place(shop.account, shop.ids, await shop.now(), SystemClock().now())
    await take_in(shop.database, shop.core.own_events, place, InboundSms(row["phone_number"], body))
