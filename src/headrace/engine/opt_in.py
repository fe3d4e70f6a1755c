"""Double opt-in: sending the mails that ask people to confirm, and what their confirmation changes.

    claim (committed, with a lease) -> provider -> result (committed)

A process that dies in between leaves a lease that lapses; a mail whose fate nobody knows is sent again only by a
provider that recognizes it, so that nobody gets two. Source: reference 4.4, DESIGN section 3 (sending).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum

from headrace.channels.port import (
    EmailEnvelope,
    Passage,
    Provider,
    Refusal,
    Refused,
    Result,
    Retry,
    Sent,
    Unconfirmed,
)
from headrace.engine.core import Core
from headrace.engine.opt_in_mail import confirmation_mail, confirmation_url, is_for, sender_name
from headrace.ids import opt_in_id
from headrace.messages.tokens import Kind, Payload
from headrace.model import Channel
from headrace.storage.account_clocks import AccountTime
from headrace.storage.consenting import Source, make_room, record_consents, subscribe_to_list
from headrace.storage.consents import SUBSCRIBED, ConsentChange
from headrace.storage.database import Database
from headrace.storage.opt_ins import (
    NO_LIST,
    Asked,
    AskResult,
    OptInState,
    claim_opt_ins,
    current_email,
    find_opt_in,
    record_asked,
    resolve_lapsed_opt_ins,
    set_confirmed,
    some_wait,
)
from headrace.storage.own_events import OwnEvents
from headrace.storage.suppressions import Reason, Suppression, suppress

log = logging.getLogger(__name__)

MAILS = 100
"""Mails of one slice."""
MOST_ATTEMPTS = 10
LONGEST_PAUSE = timedelta(hours=1)
AFTER_A_BUG = timedelta(minutes=1)


class Confirmed(Enum):
    """What came of a confirmation."""

    NOW = "now"
    BEFORE = "before"
    """It was confirmed earlier, and whatever the person decided since then stays."""
    UNKNOWN = "unknown"
    """Nobody asked, or the person is gone."""
    ELSEWHERE = "elsewhere"
    """The link was sent to an address that is not the person's now: after a change, or a merge that kept another."""
    EXPIRED = "expired"


# --- asking -------------------------------------------------------------------------------------------------------


async def ask_people(core: Core, account: AccountTime) -> tuple[int, bool]:
    """Send the mails that are due in an account, a slice of them; return how many, and whether some still wait."""
    account_id, system_now = account.account.account_id, core.clock.now()
    provider = core.providers.get(Channel.EMAIL)
    repeatable = provider is not None and provider.honors_idempotency_key
    async with core.database.transaction() as transaction:
        await resolve_lapsed_opt_ins(transaction, account_id, system_now, repeatable=repeatable)
        lease = system_now + core.limits.lease
        claimed = await claim_opt_ins(transaction, account_id, system_now, lease, MAILS)
    core.at("opt-in: claimed")
    results = await _ask(core, account, provider, claimed) if claimed else []
    core.at("opt-in: handed over")
    async with core.database.transaction() as transaction:
        await record_asked(transaction, account_id, [result for result, _ in results])
        gone = [
            Suppression(one.asked.profile_id, Reason.HARD_BOUNCE, account.now(core.clock))
            for one, bad in results
            if bad
        ]
        await suppress(transaction, account_id, gone)
        waits = await some_wait(transaction, account_id)
    return len(claimed), waits


async def _ask(
    core: Core, account: AccountTime, provider: Provider | None, claimed: Sequence[Asked]
) -> list[tuple[AskResult, bool]]:
    """Return what came of each, and whether the address turned out not to work."""
    reachable = [one for one in claimed if provider and one.email and not one.does_not_work and _list_is_there(one)]
    unable = [(AskResult(one, OptInState.UNABLE), False) for one in claimed if one not in reachable]
    if provider is None or not reachable:
        return unable
    now = account.now(core.clock)
    results = await _send(provider, [_envelope(core, account, one, now) for one in reachable])
    system_now = core.clock.now()
    pairs = zip(reachable, results, strict=True)
    return unable + [(_result(one, result, now, system_now), _bounced(result)) for one, result in pairs]


def _list_is_there(one: Asked) -> bool:
    return one.list_id == NO_LIST or one.list_name is not None


async def _send(provider: Provider, envelopes: Sequence[EmailEnvelope]) -> list[Result]:
    try:
        return await provider.send_many(envelopes)
    except Exception as error:
        log.exception("the provider %s failed with %d confirmation mails", provider.name, len(envelopes))
        if provider.honors_idempotency_key:
            return [Retry(AFTER_A_BUG, str(error)) for _ in envelopes]
        return [Unconfirmed(str(error)) for _ in envelopes]


def _envelope(core: Core, account: AccountTime, one: Asked, now: datetime) -> EmailEnvelope:
    owner, workshop = account.account, core.workshop
    place = (owner.account_id, one.profile_id, one.list_id, one.asked_at)
    name = opt_in_id(*place)
    url = confirmation_url(workshop.signer, workshop.public_url, *place, name, one.email or "")
    mail = confirmation_mail(owner, one.list_name, url)
    return EmailEnvelope(
        passage=Passage(name, owner.account_id, one.profile_id, "", "", now),
        to=one.email or "",
        subject=mail.subject,
        html=mail.html,
        text=mail.text,
        from_email=owner.sender_email,
        from_label=sender_name(owner),
    )


def _result(one: Asked, result: Result, now: datetime, system_now: datetime) -> AskResult:
    match result:
        case Sent():
            return AskResult(one, OptInState.ASKED, sent_at=now)
        case Unconfirmed():
            return AskResult(one, OptInState.ASKED)
        case Refused():
            return AskResult(one, OptInState.UNABLE)
        case Retry(after=after):
            if one.attempts >= MOST_ATTEMPTS:
                return AskResult(one, OptInState.UNABLE)
            pause = min(after * 2 ** (one.attempts - 1), LONGEST_PAUSE)
            return AskResult(one, OptInState.TO_ASK, not_before=system_now + pause)


def _bounced(result: Result) -> bool:
    return isinstance(result, Refused) and result.kind is Refusal.HARD_BOUNCE


# --- confirming ---------------------------------------------------------------------------------------------------


async def confirm(database: Database, own: OwnEvents, payload: Payload, profile_id: str, now: datetime) -> Confirmed:
    """Subscribe the person whom a link names, to e-mail and to the list; once, however often it is asked for.

    `profile_id` is who the person is now, `now` the account's time. A confirmation that arrives before the mail was
    noted as sent counts, too. It holds for the address that was asked alone.
    """
    if payload.kind is not Kind.CONFIRM:
        return Confirmed.UNKNOWN
    place = (payload.account_id, profile_id, payload.message_id)
    room = await make_room(own, payload.account_id, 2, [now])
    async with database.transaction() as transaction:
        email = await current_email(transaction, payload.account_id, profile_id, lock=True)
        row = await find_opt_in(transaction, *place, lock=True)
        verdict = _verdict(row["state"] if row else None, payload, email, now)
        if verdict is not Confirmed.NOW or row is None:
            return verdict
        await set_confirmed(transaction, *place, now)
        source = Source(row["method"], row["detail"], row["custom_source"])
        change = ConsentChange(
            profile_id,
            Channel.EMAIL,
            SUBSCRIBED,
            now,
            source.method,
            source.detail,
            custom_source=source.custom_source,
            double_opt_in=True,
        )
        await record_consents(transaction, room, [change], now)
        if payload.message_id != NO_LIST:
            await subscribe_to_list(transaction, room, payload.message_id, [profile_id], now, source)
    return Confirmed.NOW


def _verdict(state: int | None, payload: Payload, email: str | None, now: datetime) -> Confirmed:
    if state is None:
        return Confirmed.UNKNOWN
    if state == OptInState.CONFIRMED:
        return Confirmed.BEFORE
    if payload.expired(now):
        return Confirmed.EXPIRED
    return Confirmed.NOW if is_for(payload, email) else Confirmed.ELSEWHERE
