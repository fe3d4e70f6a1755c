"""Segments: looking again at the places of people to whom something happened.

What is here: which segments ask about what happened, and what becomes of a person's place in each: they join or leave,
and it is written down when time alone may change the answer. What is not: what is due by time (`segment_looks`), new
and edited definitions (`segment_jobs`), comparing with a full evaluation (`segment_check`).
Source: reference 1.2, DESIGN section 3; see docs/decisions/0012-maintained-segments.md.

Our choice: a person who occurs several times in a batch is looked at once, at the last of the moments. What happened is
all in the database by then, so that an earlier look would not see less of it; whoever would have joined and left again
between two moments of one batch did neither.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from headrace.conditions.condition import NO_NEEDS
from headrace.conditions.effects import LAST_EVENT, Effect, Watching, effect_of, watching
from headrace.conditions.facts import Moment, Need
from headrace.conditions.topics import of_group, of_metric
from headrace.engine.core import Core
from headrace.engine.entry import DEEPEST_CHAIN
from headrace.engine.loading import load_histories, load_needs
from headrace.engine.openings import load_openings
from headrace.model import Event
from headrace.storage.account_clocks import load_accounts
from headrace.storage.database import Connection, Row
from headrace.storage.facts import LoadedFacts, load_profiles
from headrace.storage.histories import Reach, is_of_events, reaches_of
from headrace.storage.pending import Kind
from headrace.storage.segment_cache import AccountSegments, LoadedSegment
from headrace.storage.segment_members import (
    Due,
    Move,
    Place,
    drop_due,
    load_due,
    load_members,
    move,
    note_moves,
    put_due,
)

log = logging.getLogger(__name__)

WAIT_FOR_REPAIR = timedelta(hours=1)
"""After how long a place that could not be worked out by a bug is looked at again."""


Dues = Mapping[tuple[str, str], Due]
"""When places are looked at again, by profile id and group id."""


_Concerned = Sequence[tuple[LoadedSegment, Watching]]


class Asked(NamedTuple):
    """A segment that is looked at, what follows from a move is to know of its cause, and what that can do."""

    segment: LoadedSegment
    chain: int
    starts_nothing: bool
    effect: int


@dataclass(slots=True)
class Look:
    """One person at one moment of the account's clock, and the segments to look at; lives as long as its batch.

    `left_out` are those that the person's own row keeps them out of, so that nothing else need be known, and when to
    look again.
    """

    bucket: int
    account_id: str
    profile_id: str
    at: datetime
    asked: dict[str, Asked] = field(default_factory=dict)
    left_out: dict[str, datetime | None] = field(default_factory=dict)
    clock: int = 0
    facts: LoadedFacts = field(init=False)

    @property
    def key(self) -> tuple[int, str, str]:
        """What names the person."""
        return self.bucket, self.account_id, self.profile_id

    def ask(self, segment: LoadedSegment, chain: int, starts_nothing: bool, effect: int = Effect.ANY) -> None:
        """Look at a segment, too; of several causes, one that may start flows and the longest chain count."""
        known = self.asked.get(segment.group_id)
        if known is not None:
            chain, starts_nothing = max(chain, known.chain), starts_nothing and known.starts_nothing
            effect |= known.effect
        self.asked[segment.group_id] = Asked(segment, chain, starts_nothing, effect)


@dataclass(slots=True)
class _Findings:
    """What came of the looks of a batch."""

    moves: list[Move] = field(default_factory=list)
    put: list[Due] = field(default_factory=list)
    drop: list[Place] = field(default_factory=list)


async def reevaluate(
    core: Core, transaction: Connection, rows: Sequence[Row], events: Mapping[tuple[str, int], Event]
) -> None:
    """Bring the segments up to date that ask about what happened (rows of `pending`), for those people only.

    `events` are by profile and number, with the properties of those that a segment asks about. The caller holds the
    people's buckets. Source: reference 1.2. A place in a segment that a job is working out is looked at when that is
    done, as of the moment at which something happened.
    """
    segments = await core.segments.load(transaction, {row["account_id"] for row in rows})
    if segments:
        looks = list(_looks(rows, segments, events))
        await _put_off(transaction, looks)
        await look_again(core, transaction, looks, segments)


async def look_again(
    core: Core, transaction: Connection, looks: Sequence[Look], segments: Mapping[str, AccountSegments]
) -> None:
    """Work out the places that are asked for, let people join and leave, and write when to look again."""
    if not looks:
        return
    people = [look.key for look in looks]
    group_ids = sorted({group_id for look in looks for group_id in look.asked})
    members = await load_members(transaction, people)
    dues = {(due.profile_id, due.group_id): due for due in (await load_due(transaction, people, group_ids)).values()}
    looks = await _meet(core, transaction, [look for look in looks if _may_change(look, members, dues)])
    if not looks:
        return
    await _load(transaction, looks)
    found = _Findings()
    for look in looks:
        for asked in look.asked.values():
            _decide(look, asked, members, dues, found)
    await _write(core, transaction, found, segments)


async def _put_off(transaction: Connection, looks: Sequence[Look]) -> None:
    """Leave those places for later that a job is working out: its draft may not know yet what happened."""
    later = [(look, asked) for look in looks for asked in look.asked.values() if asked.segment.processing]
    if later:
        accounts = await load_accounts(transaction, {look.account_id for look, _ in later})
        dues = []
        for look, asked in later:
            group_id, clock = asked.segment.group_id, accounts[look.account_id].account.clock
            dues.append(Due(*look.key, group_id, look.at, clock, asked.starts_nothing))
            del look.asked[group_id]
        await put_due(transaction, dues)


def _may_change(look: Look, members: set[tuple[str, str]], dues: Dues) -> bool:
    """Leave those segments alone that what happened cannot change the person's place in, and tell whether any is left.

    Members stay where an event can only let people in, the others where it can only let people out. When to look again
    is then told too early at most. Places whose moment has come are looked at.
    """
    for group_id, asked in list(look.asked.items()):
        if asked.effect != Effect.ANY:
            place = (look.profile_id, group_id)
            due, other = dues.get(place), Effect.FALSE if place in members else Effect.TRUE
            if not asked.effect & other and (due is None or due.due_at > look.at):
                del look.asked[group_id]
    return bool(look.asked)


def _looks(
    rows: Sequence[Row], segments: Mapping[str, AccountSegments], events: Mapping[tuple[str, int], Event]
) -> Iterable[Look]:
    looks: dict[tuple[str, str], Look] = {}
    concerned: dict[tuple[str, str], _Concerned] = {}
    for row in rows:
        account_id, profile_id, at = row["account_id"], row["profile_id"], row["accepted_at"]
        own = segments.get(account_id)
        event = events.get((profile_id, row["number"])) if row["kind"] == Kind.EVENT else None
        asking = _concerned(row, own, event, concerned) if own is not None else ()
        chain = row["chain"] + (row["kind"] != Kind.EVENT)
        for segment, watched in asking:
            effect = Effect.ANY if event is None else effect_of(watched, event, at)
            if effect:
                key = (account_id, profile_id)
                look = looks.get(key) or looks.setdefault(key, Look(row["bucket"], *key, at))
                look.at = max(look.at, at)
                look.ask(segment, chain, row["backfill"], effect)
    return looks.values()


def _concerned(
    row: Row, own: AccountSegments, event: Event | None, known: dict[tuple[str, str], _Concerned]
) -> _Concerned:
    """Return the segments that ask about what a row tells, each with what of it an event concerns."""
    if event is None:
        return [(segment, None) for segment in _asking(row, own)]
    key = (row["account_id"], event.metric_id)
    if key not in known:
        known[key] = [(segment, watching(segment.condition, event.metric_id)) for segment in _asking(row, own)]
    return known[key]


def _asking(row: Row, own: AccountSegments) -> Iterable[LoadedSegment]:
    """Return the segments that ask about what a row tells.

    Our choice: a change and a move hand on a longer chain, and past the longest nobody is looked at: segments that
    exclude one another in a circle would go on for ever.
    """
    match row["kind"]:
        case Kind.EVENT:
            return own.asking((of_metric(row["metric_id"]), LAST_EVENT))
        case Kind.CHANGED:
            return own.asking(row["topics"])
        case _ if row["chain"] > DEEPEST_CHAIN:
            log.warning("segments that hang on group %s change in a circle; %s", row["group_id"], row["profile_id"])
            return ()
        case _:
            return own.asking((of_group(row["group_id"]),))


async def _meet(core: Core, transaction: Connection, looks: Sequence[Look]) -> list[Look]:
    """Give every look its person and clock; those whose person is gone are left out.

    On the machine's clock everybody is looked at as of now: what waited for long must not bring back what time has
    ended meanwhile.
    """
    if not looks:
        return []
    people = await load_profiles(transaction, {look.key for look in looks})
    accounts = await load_accounts(transaction, {look.account_id for look in looks})
    moments: dict[datetime, Moment] = {}
    now = core.clock.now()
    met: list[Look] = []
    for look in looks:
        profile = people.get((look.account_id, look.profile_id))
        if profile is not None:
            look.clock = accounts[look.account_id].account.clock
            if not look.clock:
                look.at = max(look.at, now)
            moment = moments.get(look.at) or moments.setdefault(look.at, Moment(look.at, None, UTC))
            look.facts = LoadedFacts(profile, None, moment)
            met.append(look)
    return met


class _Needs(NamedTuple):
    """What a segment must know at a moment: how far back each metric is read, what is no event, and everything."""

    reaches: Mapping[str, Reach]
    others: frozenset[Need]
    all: frozenset[Need]


async def _load(transaction: Connection, looks: Sequence[Look]) -> None:
    """Load what the segments must know that a person's own row does not decide, each metric of a person once."""
    stated: dict[tuple[str, datetime], _Needs] = {}
    asked: list[tuple[Look, list[_Needs]]] = []
    for look in looks:
        needs: list[_Needs] = []
        for group_id, one in look.asked.items():
            told = _told_by_row(look, one.segment)
            if told is not None:
                look.left_out[group_id] = told[1]
                continue
            key = (group_id, look.at)
            if key not in stated:
                stated[key] = _needs(one.segment, look.facts.moment)
            needs.append(stated[key])
        if needs:
            asked.append((look, needs))
    await load_histories(transaction, [(look, _reaches(needs)) for look, needs in asked])
    await load_needs(transaction, [(look, _left(look, needs)) for look, needs in asked])


def _told_by_row(look: Look, segment: LoadedSegment) -> tuple[bool, datetime | None] | None:
    try:
        return segment.condition.left_out(look.facts)
    except Exception:  # told where it is decided
        return None


def _needs(segment: LoadedSegment, moment: Moment) -> _Needs:
    try:
        needs = segment.condition.needs(moment) | segment.condition.needs_of_time(moment)
        return _Needs(reaches_of(needs), frozenset(need for need in needs if not is_of_events(need)), needs)
    except Exception:  # told where it is decided
        return _Needs({}, NO_NEEDS, NO_NEEDS)


def _reaches(needs: Sequence[_Needs]) -> Mapping[str, Reach]:
    if len(needs) == 1:
        return needs[0].reaches
    found: dict[str, Reach] = {}
    for one in needs:
        for metric_id, reach in one.reaches.items():
            found[metric_id] = found[metric_id] | reach if metric_id in found else reach
    return found


def _left(look: Look, needs: Sequence[_Needs]) -> frozenset[Need]:
    """Return what histories do not answer."""
    known, found = look.facts.histories, set[Need]()
    for reaches, others, every in needs:
        found |= others if reaches.keys() <= known.keys() else every
    return frozenset(found)


def _decide(look: Look, asked: Asked, members: set[tuple[str, str]], dues: Dues, found: _Findings) -> None:
    """Note what changes about one place."""
    group_id = asked.segment.group_id
    due, is_member = dues.get((look.profile_id, group_id)), (look.profile_id, group_id) in members
    try:
        left_out = group_id in look.left_out
        holds, following = (False, look.left_out[group_id]) if left_out else asked.segment.condition.look(look.facts)
    except Exception:  # a bug in one segment must hold up neither the others nor the flows
        log.exception("the place of profile %s in segment %s stays as it is", look.profile_id, group_id)
        found.put.append(Due(*look.key, group_id, look.at + WAIT_FOR_REPAIR, look.clock))
        return
    if holds is not is_member:
        found.moves.append(Move(*look.key, group_id, look.at, holds, asked.chain, asked.starts_nothing))
    if following is None:
        if due is not None:
            found.drop.append(Place(*look.key, group_id))
    elif due is None or (due.due_at, due.clock) != (following, look.clock):
        found.put.append(Due(*look.key, group_id, following, look.clock))


async def _write(
    core: Core, transaction: Connection, found: _Findings, segments: Mapping[str, AccountSegments]
) -> None:
    await drop_due(transaction, found.drop)
    await put_due(transaction, found.put)
    if found.moves:
        moved = await move(transaction, found.moves)
        await note_moves(transaction, await _asked_about(core, transaction, moved, segments), core.clock.now())


async def _asked_about(
    core: Core, transaction: Connection, moves: Sequence[Move], segments: Mapping[str, AccountSegments]
) -> list[Move]:
    """Return the moves from which something follows: a flow begins with the segment, or another one asks about it."""
    awaited = await load_openings(core, transaction, [{"account_id": one.account_id} for one in moves])
    told: defaultdict[tuple[str, str, bool], bool] = defaultdict(bool)
    for account_id, group_id, joins in {(one.account_id, one.group_id, one.joins) for one in moves}:
        hanging = account_id in segments and bool(segments[account_id].asking((of_group(group_id),)))
        told[account_id, group_id, joins] = hanging or (joins and (account_id, Kind.JOINED, group_id) in awaited)
    return [one for one in moves if told[one.account_id, one.group_id, one.joins]]
