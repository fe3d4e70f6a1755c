"""Text messages from people: the event, what a keyword changes, and the automated answer.

What is here: taking a message in, in one transaction, and the job that answers. What is not: which words are keywords
(`keywords`) and the request (`api.commands.inbound_sms`). Source: reference 4.2 (answers go out at any hour), 4.5, 5.2.

Our choice: a number that nobody has makes a profile, so that its wish is kept; STOP and START are answered when they
change something, so that two automats do not talk for ever; START also gives back transactional consent that STOP took.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import phonenumbers

from headrace.channels.port import Passage, Refused, Result, Retry, Sent, SmsEnvelope, Unconfirmed
from headrace.engine.core import Core
from headrace.engine.keywords import Keyword, answer_to, keyword_of
from headrace.engine.opt_in_mail import sender_name
from headrace.engine.sweep import Slice
from headrace.errors import Problem
from headrace.ids import IdSource, reply_id
from headrace.messages.segments import segment_count
from headrace.model import Account, Channel
from headrace.storage import jobs, profile_rows
from headrace.storage.account_clocks import load_accounts
from headrace.storage.aliases import follow_one
from headrace.storage.consenting import METRICS, record_consents
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED, ConsentChange, Purpose, lock_consents
from headrace.storage.database import Connection, Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.jobs import Job
from headrace.storage.own_events import ANSWERED, NOT_ANSWERED, OwnEvent, OwnEvents, Room, write_own_events
from headrace.storage.resolve import LostRace, Resolver

log = logging.getLogger(__name__)

SENT = "Sent SMS"
ANSWER = "answer-sms"
"""The kind of job."""
BY_MESSAGE = "inbound_message"
RACES = 20
MOST_ATTEMPTS = 10


@dataclass(frozen=True, slots=True)
class InboundSms:
    """A message: numbers in E.164, and the provider's own name of it, by which a repetition is known."""

    sender: str
    body: str
    to: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What came of a message. `answer` is what is being answered, None for nothing."""

    profile_id: str
    is_new: bool
    keyword: Keyword | None = None
    changed: bool = False
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a message is taken in: `now` is the account's time, `system_now` the machine's."""

    account: Account
    ids: IdSource
    now: datetime
    system_now: datetime


async def take_in(database: Database, own: OwnEvents, place: Place, message: InboundSms) -> TakenIn:
    """Record a message, change what its keyword asks for, and have it answered; a repetition changes nothing."""
    for _ in range(RACES):
        room = await own.room(place.account.account_id, {*METRICS, SENT}, 3, [place.now])
        try:
            async with database.transaction() as transaction:
                return await _take_in(transaction, room, place, message)
        except (LostRace, asyncpg.DeadlockDetectedError):
            continue
    raise RuntimeError(f"a message lost {RACES} races for the number of its sender")


async def _take_in(transaction: Connection, room: Room, place: Place, message: InboundSms) -> TakenIn:
    account_id = room.account_id
    resolver = Resolver(transaction, account_id, place.ids, place.now)
    [found] = await resolver.resolve([IncomingProfile(phone_number=message.sender)])
    if isinstance(found, Problem):
        raise found
    if not await profile_rows.keep(transaction, account_id, [found]):
        raise LostRace  # merged or deleted meanwhile
    key = f"inbound:{message.name}" if message.name else ""
    event = OwnEvent(found, SENT, place.now, _properties(message), key)
    if not await write_own_events(transaction, room, [event], place.now):
        return TakenIn(found, is_new=False)
    keyword = keyword_of(message.body)
    changed = bool(keyword) and await _change(transaction, room, place, found, keyword)
    if keyword is None or not (changed or keyword is Keyword.HELP):
        return TakenIn(found, True, keyword, changed)
    answer = answer_to(keyword, sender_name(place.account))
    told = {"profile_id": found, "to": message.sender, "from": message.to, "body": answer, "name": place.ids.uuid()}
    await jobs.enqueue(transaction, account_id, place.ids, ANSWER, told, place.system_now)
    return TakenIn(found, True, keyword, changed, answer)


def _properties(message: InboundSms) -> dict[str, Any]:
    return {**_numbers("From", message.sender), **_numbers("To", message.to), "Message Body": message.body}


def _numbers(name: str, number: str) -> dict[str, Any]:
    if not number:
        return {}
    region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    return {f"{name} Number": number, f"{name} Phone Region": region or ""}


async def _change(transaction: Connection, room: Room, place: Place, profile_id: str, keyword: Keyword | None) -> bool:
    """Change consent to text messages; True when something changed."""
    if keyword not in (Keyword.STOP, Keyword.START):
        return False
    word = UNSUBSCRIBED if keyword is Keyword.STOP else SUBSCRIBED
    marketing = ConsentChange(profile_id, Channel.SMS, word, place.now, BY_MESSAGE)
    transactional = replace(marketing, purpose=Purpose.TRANSACTIONAL)
    wanted = [marketing, transactional]
    if keyword is Keyword.START and not await lock_consents(transaction, room.account_id, [transactional]):
        wanted = [marketing]
    return bool(await record_consents(transaction, room, wanted, place.now))


# --- answering ----------------------------------------------------------------------------------------------------


async def answer_sms(core: Core, job: Job) -> Slice:
    """Send an automated answer and record it as an event; at most once behind the hand-over."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    provider = core.providers.get(Channel.SMS)
    over = Slice(job.progress, over=True, moved=True)
    if account is None or provider is None:
        return over
    if job.progress.get("handed_over") and not provider.honors_idempotency_key:
        return over
    attempts = job.progress.get("attempts", 0) + 1
    progress = {**job.progress, "handed_over": True, "attempts": attempts}
    async with core.database.transaction() as transaction:
        if not await jobs.keep_progress(transaction, job, progress):
            raise RuntimeError(f"job {job.job_id} was done by somebody else meanwhile")
    core.at("sms: handing over")
    now = account.now(core.clock)
    [result] = await provider.send_many([_envelope(job, now)])
    if isinstance(result, Retry) and attempts < MOST_ATTEMPTS:
        later = core.clock.now() + min(result.after * 2 ** (attempts - 1), timedelta(hours=1))
        return Slice({**progress, "handed_over": False}, over=False, moved=False, not_before=later)
    await _record(core, job, result, now)
    return Slice(progress, over=True, moved=True)


def _envelope(job: Job, now: datetime) -> SmsEnvelope:
    told: Mapping[str, Any] = job.arguments
    passage = Passage(_name(job), job.account_id, told["profile_id"], "", "", now)
    return SmsEnvelope(passage, told["to"], told["body"], segment_count(told["body"]))


def _name(job: Job) -> UUID:
    return reply_id(job.account_id, job.arguments["name"])


async def _record(core: Core, job: Job, result: Result, now: datetime) -> None:
    match result:
        case Sent():
            metric = ANSWERED
        case Refused() | Retry():
            metric = NOT_ANSWERED
        case Unconfirmed():
            return
    told = job.arguments
    room = await core.own_events.room(job.account_id, {ANSWERED, NOT_ANSWERED}, 1, [now])
    profile_id = await follow_one(core.database, job.account_id, told["profile_id"])
    properties = {
        **_numbers("From", told["from"]),
        **_numbers("To", told["to"]),
        "Message Body": told["body"],
        "Segment Count": segment_count(told["body"]),
    }
    event = OwnEvent(profile_id, metric, now, properties, key=f"reply:{_name(job).hex}")
    async with core.database.transaction() as transaction:
        await write_own_events(transaction, room, [event], now)
