"""Loading what a batch of runs needs, in one query per kind of need.

What is here: people, triggering events and the answers that conditions ask for, put into each run's facts.
Source: DESIGN section 2 (a condition states its needs, the engine loads those of a whole batch).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from headrace.conditions.facts import EventTotal, Membership, Need
from headrace.storage.database import Connection
from headrace.storage.fact_answers import NOTHING, Question, load_answers
from headrace.storage.facts import LoadedFacts, load_events, load_memberships, load_totals
from headrace.storage.histories import Reach, Wanted, read_histories


class Asker(Protocol):
    """Somebody whose facts are to be filled: a run that wakes, or an entry that is tried."""

    bucket: int
    account_id: str
    profile_id: str
    facts: LoadedFacts


async def load_needs(transaction: Connection, asked: Iterable[tuple[Any, frozenset[Need]]]) -> None:
    """Fill the facts of each (asker, needs) with what is not in them yet.

    An asker is anything with the members of `Asker`; the type is `Any` because mutable protocol members are invariant.
    """
    totals: list[tuple[Any, EventTotal]] = []
    members: list[tuple[Any, str]] = []
    others: defaultdict[type[Need], list[tuple[Any, Need]]] = defaultdict(list)
    for asker, needs in asked:
        facts = asker.facts
        for need in needs:
            kind = type(need)
            if kind is EventTotal:
                if need not in facts.totals:
                    totals.append((asker, need))  # type: ignore[arg-type]
            elif kind is Membership:
                members.extend((asker, group) for group in need.group_ids if group not in facts.joined)  # type: ignore[union-attr]
            elif need not in facts.answers:
                others[kind].append((asker, need))
    if totals:
        await _fill_totals(transaction, totals)
    if members:
        await _fill_memberships(transaction, members)
    for kind, some in others.items():
        await _fill_answers(transaction, kind, some)


async def load_histories(transaction: Connection, asked: Iterable[tuple[Any, Mapping[str, Reach]]]) -> None:
    """Give each (asker, metric id -> how far back) the events that `load_needs` need not ask about any more.

    Those who did too much to read it one by one get none of that metric.
    """
    lacking = [(asker, metric_id, reach) for asker, reaches in asked for metric_id, reach in reaches.items()]
    wanted = [Wanted(one.bucket, one.account_id, one.profile_id, metric, reach) for one, metric, reach in lacking]
    found = await read_histories(transaction, wanted)
    for (asker, metric_id, _), history in zip(lacking, found, strict=True):
        if history is not None:
            asker.facts.histories[metric_id] = history


async def load_triggers(transaction: Connection, wakes: Sequence[Any]) -> None:
    """Give runs (anything with `row` and `facts`) the event that started them, where they have one and lack it."""
    lacking = [wake for wake in wakes if wake.facts.event is None and wake.row["event_number"] is not None]
    events = await load_events(transaction, [event_key(wake.row) for wake in lacking])
    for wake in lacking:
        wake.facts.event = events.get((wake.profile_id, wake.row["event_number"]))


def event_key(row: Any) -> tuple[int, str, str, str, datetime, int]:
    """Return the whole key of a run's triggering event."""
    names = ("bucket", "account_id", "profile_id", "event_metric_id", "event_at", "event_number")
    bucket, account_id, profile_id, metric_id, at, number = (row[name] for name in names)
    return bucket, account_id, profile_id, metric_id, at, number


async def _fill_totals(transaction: Connection, asked: Sequence[tuple[Any, EventTotal]]) -> None:
    answers = await load_totals(
        transaction,
        [(one.bucket, one.account_id, one.profile_id, need, one.facts.moment.now) for one, need in asked],
    )
    for (one, need), answer in zip(asked, answers, strict=True):
        one.facts.totals[need] = answer


async def _fill_memberships(transaction: Connection, asked: Sequence[tuple[Any, str]]) -> None:
    keys: defaultdict[tuple[int, str, str, str], list[Any]] = defaultdict(list)
    for one, group_id in asked:
        one.facts.joined[group_id] = None
        keys[one.bucket, one.account_id, one.profile_id, group_id].append(one)
    found = {(profile, group): at for profile, group, at in await load_memberships(transaction, sorted(keys))}
    for (_, _, profile_id, group_id), some in keys.items():
        joined_at = found.get((profile_id, group_id))
        for one in some:
            one.facts.joined[group_id] = joined_at


async def _fill_answers(transaction: Connection, kind: type[Need], asked: Sequence[tuple[Any, Need]]) -> None:
    questions = [Question(one.bucket, one.account_id, one.profile_id, need) for one, need in asked]
    answers = await load_answers(transaction, kind, questions)
    nothing = NOTHING[kind]
    for place, (one, need) in enumerate(asked):
        one.facts.answers[need] = answers.get(place, nothing)
