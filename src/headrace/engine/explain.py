"""Explaining: a person's passages through a flow, step by step, with what each condition saw and decided.

What is here: pure functions over loaded rows (`storage.run_histories`), and `explain`, which loads them. What is not:
why somebody did not get one message (`why`). Source: DESIGN section 3 (journal).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.engine.labels import label_of
from headrace.engine.why import Why, why_not
from headrace.errors import NotFound
from headrace.model import Channel, DeliveryState, RunState
from headrace.storage.database import Database, Row
from headrace.storage.flow_cache import FlowCache
from headrace.storage.run_histories import History, find_profile, load_history

HIDDEN = ("seen", "branch")
"""Parts of a journal row's detail that a step shows under other names."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What one condition saw and whether it held: a line of a step's truth table. `of` names the branch it belongs to.

    `held` is None where the journal does not tell.
    """

    condition: str
    saw: Any
    held: bool | None
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: when (UTC), at which action, what came of it, and what it rested on."""

    at: datetime
    step: int
    action_id: int | None
    action: str | None
    outcome: str
    branch: str | None
    conditions: tuple[Condition, ...]
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of a run and what became of it."""

    action_id: int
    name: str
    channel: str
    state: str
    queued_at: datetime
    due_at: datetime
    sent_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Passage:
    """One run, from its entry to where it stands. `waits_in` names the action in which it waits until `resume_at`."""

    run_id: str
    entered_at: datetime
    state: str
    exit_reason: str | None
    error: str | None
    waits_in: str | None
    resume_at: datetime | None
    steps: tuple[Step, ...]
    messages: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened to a person in a flow, the newest run first, and why they did not get a message, if asked."""

    profile_id: str
    flow_id: str
    flow: str
    runs: tuple[Passage, ...]
    refused: tuple[Step, ...]
    why: Why | None = None


async def explain(database: Database, account_id: str, profile: str, flow_id: str, message: str | None) -> Explanation:
    """Return what happened to a person, named by an id or an e-mail address, in a flow.

    `message` is the id of an action or a message, or a message's name: then `why` tells the first rule that kept it
    from the person. Raises `NotFound` for a person, flow or message that the account lacks.
    """
    profile_id = await find_profile(database, account_id, profile)
    if profile_id is None:
        raise NotFound(f'The account has no profile with the id or e-mail address "{profile[:255]}".')
    flows = await FlowCache().load(database, [flow_id])
    loaded = flows.get(flow_id)
    compiled = loaded.compiled if loaded and loaded.account_id == account_id else None
    trigger = compiled.trigger if compiled else None
    waits_for = {"metric_id": trigger.metric_id, "group_id": trigger.group_id} if trigger else {}
    history = await load_history(database, account_id, profile_id, flow_id, **waits_for)
    if history is None:
        raise NotFound(f'The account has no flow with the id "{flow_id[:255]}".')
    why = why_not(history, *asked_for(history, message), compiled) if message else None
    return explanation_of(history, why)


def explanation_of(history: History, why: Why | None = None) -> Explanation:
    """Return the explanation of what is kept about a person and a flow."""
    labels = {row["action_id"]: label_of(row["action_id"], row["type"], row["definition"]) for row in history.actions}
    return Explanation(
        history.profile_id,
        history.flow["flow_id"],
        history.flow["name"],
        tuple(_passage(run, history, labels) for run in history.runs),
        steps_of(history.refused, labels),
        why,
    )


def asked_for(history: History, named: str) -> tuple[int, str | None]:
    """Return the ids of the action and the message that are meant by either's id, or by the message's name.

    The message is None where an action was named. Raises `NotFound`.
    """
    for row in history.actions:
        if str(row["action_id"]) == named:
            return int(row["action_id"]), None
    for key in ("message_id", "name"):
        for row in history.messages:
            if row[key] == named:
                return int(row["action_id"]), str(row["message_id"])
    names = ", ".join(sorted(f'"{row["name"]}"' for row in history.messages)) or "none"
    raise NotFound(f'The flow has no action or message "{named[:255]}"; its messages are {names}.')


def steps_of(rows: Sequence[Row], labels: Mapping[int, str]) -> tuple[Step, ...]:
    """Return the steps behind rows of the journal."""
    return tuple(_step(row, labels) for row in rows)


def conditions_in(seen: Any, of: str | None = None) -> Iterator[Condition]:
    """Yield the lines of the truth table that a journal row's `seen` holds, in the order in which they were asked."""
    for label, found in seen.items() if isinstance(seen, Mapping) else ():
        if isinstance(found, Mapping) and set(found) == {"saw", "held"}:
            yield Condition(label, found["saw"], found["held"], of)
        elif isinstance(found, Mapping):
            yield from conditions_in(found, label)
        else:
            yield Condition(label, found, None, of)


def _step(row: Row, labels: Mapping[int, str]) -> Step:
    detail = row["detail"] if isinstance(row["detail"], dict) else {}
    action_id = row["action_id"]
    return Step(
        row["at"],
        row["step"],
        action_id,
        labels.get(action_id, str(action_id)) if action_id is not None else None,
        row["outcome"],
        detail.get("branch"),
        tuple(conditions_in(detail.get("seen"))),
        {key: value for key, value in detail.items() if key not in HIDDEN},
    )


def _passage(run: Row, history: History, labels: Mapping[int, str]) -> Passage:
    waits = run["state"] == RunState.WAITING
    waits_in = run["waiting_in"]
    return Passage(
        str(run["run_id"]),
        run["entered_at"],
        RunState(run["state"]).name.lower(),
        run["exit_reason"],
        run["error"],
        labels.get(waits_in, str(waits_in)) if waits and waits_in is not None else None,
        run["resume_at"] if waits else None,
        steps_of(history.journal.get(run["run_id"], ()), labels),
        tuple(_sent(row) for row in history.deliveries.get(run["run_id"], ())),
    )


def _sent(row: Row) -> Sent:
    return Sent(
        row["action_id"],
        row["name"] or "",
        Channel(row["channel"]).send_channel,
        DeliveryState(row["state"]).name.lower(),
        row["queued_at"],
        row["due_at"],
        row["sent_at"],
        row["reason"],
    )
