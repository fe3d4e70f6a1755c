"""The jobs that subscribe and unsubscribe people, slice by slice.

What is here: both handlers. What is not: the rows (`subscription_rows`), the mails of double opt-in (`opt_in`), writing
consent and events (`storage.consenting`). Progress is written in the transaction of its slice, so that a slice counts
once. Source: reference 1.2, 4.4.

Our choice: only e-mail is confirmed by a second message; text messages, WhatsApp and push are subscribed to at once,
and whoever is asked to confirm joins the list when they do. An address and a phone number of one row that belong to two
people each stand for their own. What was given, or asked for, before an unsubscription that stands is passed over, be
it imported or only late.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg

from headrace.engine.core import Core
from headrace.engine.opt_in import ask_people
from headrace.engine.subscription_rows import Order, Person, Wish
from headrace.engine.sweep import Slice
from headrace.errors import Problem
from headrace.ids import bucket_of
from headrace.model import Account, Channel
from headrace.storage import identity, jobs, profile_rows
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.aliases import follow
from headrace.storage.consenting import (
    UNDER_AGE,
    make_room,
    record_consents,
    subscribe_to_list,
    unsubscribe_from_list,
)
from headrace.storage.consents import SUBSCRIBED, UNSUBSCRIBED, ConsentChange, Purpose, lock_consents
from headrace.storage.database import Connection
from headrace.storage.groups import DOUBLE_OPT_IN, leave_group, members_among
from headrace.storage.identity import Identifier, Kind
from headrace.storage.jobs import Job
from headrace.storage.opt_ins import NO_LIST, ask_for_opt_in
from headrace.storage.own_events import Room
from headrace.storage.push_tokens import id_in, remove_by_id, remove_token, set_token
from headrace.storage.resolve import LostRace, Resolver
from headrace.storage.suppressions import load_suppressions

log = logging.getLogger(__name__)

PEOPLE = 200
"""People of one slice."""
LOOK_AGAIN = timedelta(seconds=5)
"""How long a job rests whose mails wait for the server."""
RACES = 20
MOST_ERRORS = 1_000

_PROCESS = "SELECT opt_in_process FROM profile_group WHERE account_id = $1 AND group_id = $2 AND kind = 'list'"


@dataclass(frozen=True, slots=True)
class Found:
    """A row with the profile that it is about; that of its phone number may be another."""

    number: int
    person: Person
    profile_id: str
    of_phone: str

    def profile_of(self, wish: Wish) -> str:
        """Return whose consent a wish is about."""
        return self.of_phone if wish.channel in (Channel.SMS, Channel.WHATSAPP) else self.profile_id


@dataclass(frozen=True, slots=True)
class Errors:
    """What is wrong with single rows, by their number in the job."""

    found: list[dict[str, Any]] = field(default_factory=list)

    def add(self, number: int, detail: str) -> None:
        """Note a mistake."""
        if len(self.found) < MOST_ERRORS:
            self.found.append({"row": number, "detail": detail})


@dataclass(frozen=True, slots=True)
class Batch:
    """What one slice works on, in one transaction."""

    transaction: Connection
    room: Room
    account: Account
    order: Order
    now: datetime
    errors: Errors


Work: TypeAlias = Callable[[Batch, Sequence[Found]], Awaitable[int]]
"""Does a slice and returns how many people will be asked to confirm."""


async def subscribe_people(core: Core, job: Job) -> Slice:
    """Subscribe a slice of people; when all are, send the mails that ask for confirmation, a slice at a time."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    done = await _slice(core, job, account, _subscribe)
    if done is not None:
        return done
    asked, wait = await ask_people(core, account)
    later = core.clock.now() + LOOK_AGAIN if wait and not asked else None
    return Slice(job.progress, over=not wait, moved=asked > 0, not_before=later)


async def unsubscribe_people(core: Core, job: Job) -> Slice:
    """Unsubscribe a slice of people."""
    account = (await load_accounts(core.database, [job.account_id])).get(job.account_id)
    if account is None:
        return Slice(job.progress, over=True, moved=False)
    return await _slice(core, job, account, _unsubscribe) or Slice(job.progress, over=True, moved=False)


async def _slice(core: Core, job: Job, account: AccountTime, work: Work) -> Slice | None:
    """Do the next slice; None when all people are done."""
    begin = job.progress.get("done", 0)
    people = [Person.read(one) for one in job.arguments.get("people", ())[begin : begin + PEOPLE]]
    if not people:
        return None
    order, now = Order.read(job.arguments), account.now(core.clock)
    moments = {now, order.asked_at, *(wish.at for one in people for wish in one.wishes if wish.at)}
    count = sum(len(one.wishes) + 2 for one in people)
    room = await make_room(core.own_events, job.account_id, count, moments, starts_nothing=order.historical)
    for _ in range(RACES):
        errors = Errors(list(job.progress.get("errors", ())))
        try:
            async with core.database.transaction() as transaction:
                batch = Batch(transaction, room, account.account, order, now, errors)
                asked = await work(batch, await _find_people(core, batch, begin, people))
                asked += job.progress.get("asked", 0)
                done = {"done": begin + len(people), "asked": asked, "errors": errors.found, "failures": 0}
                progress = {**job.progress, **done}
                if not await jobs.keep_progress(transaction, job, progress):
                    raise RuntimeError(f"a slice of job {job.job_id} was done by somebody else meanwhile")
                through = begin + len(people) == len(job.arguments["people"])
                if through:
                    await jobs.forget_argument(transaction, job.job_id, "people")
                core.at("subscriptions: before commit")
            told = errors.found[len(job.progress.get("errors", ())) :]
            if told:
                log.warning("job %s passed over %d of its rows: %s", job.job_id, len(told), told)
            return Slice(progress, over=through and not asked, moved=True)
        except (LostRace, asyncpg.DeadlockDetectedError):
            room = replace(room, serials=iter(await core.serials.take(count)))
    raise RuntimeError(f"a slice of job {job.job_id} lost {RACES} races for its identifiers")


async def _find_people(core: Core, batch: Batch, begin: int, people: Sequence[Person]) -> list[Found]:
    """Return the rows with their profiles, made where there are none; rows that name nobody leave an error."""
    account_id = batch.account.account_id
    now_named = await follow(batch.transaction, account_id, {one.profile_id for one in people if one.profile_id})
    incoming = [one.incoming._replace(profile_id=now_named.get(one.profile_id or "", one.profile_id)) for one in people]
    answers = await Resolver(batch.transaction, account_id, core.ids, batch.now).resolve(incoming)
    phones = {Identifier(Kind.PHONE, one.phone_number) for one in people if one.phone_number}
    owners = await identity.find(batch.transaction, account_id, phones)
    found = []
    for number, (person, answer) in enumerate(zip(people, answers, strict=True), begin):
        if isinstance(answer, Problem) and person.tokens and not incoming[number - begin].is_identified:
            for token in person.tokens:
                await remove_by_id(batch.transaction, account_id, id_in(token.token), batch.now)
            continue
        if isinstance(answer, Problem):
            batch.errors.add(number, answer.detail)
            continue
        of_phone = owners.get(Identifier(Kind.PHONE, person.phone_number or ""), answer)
        found.append(Found(number, person, answer, of_phone))
    met = {profile_id for one in found for profile_id in (one.profile_id, one.of_phone)}
    if len(await profile_rows.keep(batch.transaction, account_id, met)) < len(met):
        raise LostRace  # somebody was merged or deleted meanwhile
    return found


# --- subscribing --------------------------------------------------------------------------------------------------


async def _subscribe(batch: Batch, found: Sequence[Found]) -> int:
    process, list_is_there = await _process(batch)
    confirmed = batch.order.historical or process != DOUBLE_OPT_IN
    at_once, to_ask = [], set()
    for row, change in await _allowed(batch, found):
        if confirmed or (change.channel, change.purpose) != (Channel.EMAIL, Purpose.MARKETING):
            at_once.append(change)
        else:
            to_ask.add(row.profile_id)
    await record_consents(batch.transaction, batch.room, at_once, batch.now)
    await _set_tokens(batch, found)
    order, source = batch.order, batch.order.source
    if order.list_id and list_is_there:
        subscribed = await _not_left_since(batch, order.list_id, at_once) - to_ask
        await subscribe_to_list(batch.transaction, batch.room, order.list_id, subscribed, batch.now, source)
    if not to_ask or (order.list_id and not list_is_there):
        return 0
    place = (batch.transaction, batch.account.account_id, order.list_id or NO_LIST, sorted(to_ask), order.asked_at)
    return len(await ask_for_opt_in(*place, source.method, source.detail, source.custom_source))


async def _process(batch: Batch) -> tuple[str, bool]:
    """Return how people subscribe: by the list's process, or the account's where no list is named or it is gone."""
    if batch.order.list_id is None:
        return batch.account.settings.opt_in_process, False
    row = await batch.transaction.fetch_row(_PROCESS, batch.account.account_id, batch.order.list_id)
    if row is None:
        return batch.account.settings.opt_in_process, False
    return row["opt_in_process"] or DOUBLE_OPT_IN, True


async def _allowed(batch: Batch, found: Sequence[Found]) -> list[tuple[Found, ConsentChange]]:
    """Return the consents to write, each with its row, those only where nobody has unsubscribed since."""
    pairs = [(row, _change(batch, row, wish)) for row in found for wish in row.person.wishes]
    standing = await lock_consents(batch.transaction, batch.account.account_id, [change for _, change in pairs])
    kept = []
    for row, change in pairs:
        before = standing.get(change.key)
        if before and before["subscription"] == UNSUBSCRIBED and before["changed_at"] > _decided(batch, change):
            batch.errors.add(row.number, f"unsubscribed at {before['changed_at'].isoformat()}, after the consent")
        else:
            kept.append((row, change))
    return kept


def _decided(batch: Batch, change: ConsentChange) -> datetime:
    return change.decided_at or batch.order.asked_at


async def _not_left_since(batch: Batch, list_id: str, changes: Sequence[ConsentChange]) -> set[str]:
    """Return whom subscriptions put on a list: not those who unsubscribed from it since."""
    account_id = batch.account.account_id
    decided = {one.profile_id: _decided(batch, one) for one in changes if one.subscription == SUBSCRIBED}
    places = [(bucket_of(one), account_id, one) for one in decided]
    left = {
        profile_id
        for (_, profile_id), found in (await load_suppressions(batch.transaction, places)).items()
        if any(one.list_id == list_id and one.at > decided[profile_id] for one in found)
    }
    return decided.keys() - left


def _change(batch: Batch, row: Found, wish: Wish) -> ConsentChange:
    source, too_young = batch.order.source, wish.channel == Channel.SMS and _is_too_young(batch, row.person)
    return ConsentChange(
        row.profile_of(wish),
        wish.channel,
        UNSUBSCRIBED if too_young else SUBSCRIBED,
        wish.at or batch.now,
        UNDER_AGE if too_young else source.method,
        "" if too_young else source.detail,
        Purpose(wish.purpose),
        recorded_at=batch.now if wish.at else None,
        custom_source=source.custom_source,
        asked_at=batch.order.asked_at,
    )


def _is_too_young(batch: Batch, person: Person) -> bool:
    least = batch.account.settings.sms_minimum_age
    return least is not None and person.born is not None and years_between(person.born, batch.now.date()) < least


def years_between(born: date, today: date) -> int:
    """Return somebody's age in whole years; whoever was born on 29 February has their birthday on 1 March."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


async def _set_tokens(batch: Batch, found: Sequence[Found]) -> None:
    for row in found:
        for token in row.person.tokens:
            await set_token(batch.transaction, batch.account.account_id, row.profile_id, token, batch.now)


# --- unsubscribing ------------------------------------------------------------------------------------------------


async def _unsubscribe(batch: Batch, found: Sequence[Found]) -> int:
    """End consents; e-mail only on the list where one is named and the person is on it.

    Source: the operation's description (whoever is not on the list is unsubscribed from everything). Our choice: other
    channels know no consent per list and end everywhere.
    """
    account_id, list_id, source = batch.account.account_id, batch.order.list_id, batch.order.source
    people = {profile_id for row in found for profile_id in (row.profile_id, row.of_phone)}
    members = await members_among(batch.transaction, account_id, list_id, people) if list_id else set()
    from_list: set[str] = set()
    everywhere: list[ConsentChange] = []
    for row in found:
        for wish in row.person.wishes:
            profile_id = row.profile_of(wish)
            if profile_id in members and (wish.channel, wish.purpose) == (Channel.EMAIL, Purpose.MARKETING):
                from_list.add(profile_id)
            else:
                everywhere.append(_end(batch, profile_id, wish))
    await record_consents(batch.transaction, batch.room, everywhere, batch.now)
    if list_id:
        place = (batch.transaction, batch.room, list_id, from_list, batch.now)
        await unsubscribe_from_list(*place, source, asked_at=batch.order.asked_at)
        others = members - from_list
        await leave_group(batch.transaction, account_id, list_id, others, batch.now, batch.room.received_at)
    for row in found:
        for token in row.person.tokens:
            await remove_token(batch.transaction, account_id, row.profile_id, token.token, batch.now)
    return 0


def _end(batch: Batch, profile_id: str, wish: Wish) -> ConsentChange:
    source = batch.order.source
    at = batch.order.asked_at  # so that a subscription which was asked for after it stands
    return ConsentChange(
        profile_id, wish.channel, UNSUBSCRIBED, at, source.method, source.detail, Purpose(wish.purpose)
    )
