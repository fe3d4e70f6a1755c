"""Explaining: a person's passages through a flow, step by step, with what each condition saw and decided.

What is here: pure functions over loaded rows (`storage.run_histories`), and `explain`, which loads them. What is not:
why somebody did not get one message (`why`). Source: DESIGN section 3 (journal).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from headrace.engine.labels import label_of
from headrace.engine.truths import Condition, branch_names, conditions_in, ids_in
from headrace.engine.why import Why, why_not
from headrace.errors import NotFound
from headrace.flows.compiled import CompiledFlow
from headrace.model import Channel, DeliveryState, RunState
from headrace.storage.database import Database, Row
from headrace.storage.flow_cache import FlowCache
from headrace.storage.run_histories import History, find_profile, load_actions, load_history, names_of

HIDDEN = ("seen", "branch")
"""Parts of a journal row's detail that a step shows under other names."""


@dataclass(frozen=True, slots=True)
class Known:
    """What people call things: actions by id, branches by their action's id and their own, metrics and lists by id."""

    labels: Mapping[int, str]
    branches: Mapping[tuple[int, str], str]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: when (UTC), at which action, what came of it, and what it rested on.

    `branch` is the way that a split took; `branch_name` its name, where it has one.
    """

    at: datetime
    step: int
    action_id: int | None
    action: str | None
    outcome: str
    branch: str | None
    branch_name: str | None
    conditions: tuple[Condition, ...]
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of a run and what became of it; `detail` says what of it could not be written."""

    action_id: int
    name: str
    channel: str
    state: str
    queued_at: datetime
    due_at: datetime
    sent_at: datetime | None
    reason: str | None
    detail: str | None = None


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
    compiled = await _compiled(database, account_id, flow_id)
    causes = _causes(compiled)
    history = await load_history(database, account_id, profile_id, flow_id, **causes)
    if history is None:
        raise NotFound(f'The account has no flow with the id "{flow_id[:255]}".')
    history = replace(history, names=await names_of(database, account_id, _mentioned(history, causes.values())))
    why = why_not(history, *asked_for(history, message), compiled) if message else None
    return explanation_of(history, why)


async def load_refused(
    database: Database, account_id: str, flow_id: str, profile_ids: Iterable[str]
) -> dict[str, tuple[Row, ...]]:
    """Return profile id -> journal rows of entries into a flow that were refused, the newest first."""
    causes = _causes(await _compiled(database, account_id, flow_id))
    found: dict[str, tuple[Row, ...]] = {}
    for profile_id in profile_ids:
        history = await load_history(database, account_id, profile_id, flow_id, **causes)
        found[profile_id] = () if history is None else history.refused
    return found


async def _compiled(database: Database, account_id: str, flow_id: str) -> CompiledFlow | None:
    loaded = (await FlowCache().load(database, [flow_id])).get(flow_id)
    return loaded.compiled if loaded and loaded.account_id == account_id else None


def _causes(flow: CompiledFlow | None) -> dict[str, str | None]:
    """Return the ids of the metric and the group that a flow waits for, as `load_history` takes them."""
    trigger = flow.trigger if flow else None
    return {"metric_id": trigger.metric_id, "group_id": trigger.group_id} if trigger else {}


def explanation_of(history: History, why: Why | None = None) -> Explanation:
    """Return the explanation of what is kept about a person and a flow."""
    known = known_of(history.actions, history.names)
    return Explanation(
        history.profile_id,
        history.flow["flow_id"],
        history.flow["name"],
        tuple(_passage(run, history, known) for run in history.runs),
        steps_of(history.refused, known),
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


def steps_of(rows: Sequence[Row], known: Known) -> tuple[Step, ...]:
    """Return the steps behind rows of the journal."""
    return tuple(_step(row, known) for row in rows)


async def load_known(database: Database, account_id: str, flow_id: str, rows: Sequence[Row]) -> Known:
    """Return what people call what rows of a flow's journal name."""
    actions = await load_actions(database, account_id, flow_id)
    return known_of(actions, await names_of(database, account_id, _ids_in(rows)))


def known_of(actions: Sequence[Row], names: Mapping[str, str]) -> Known:
    """Return what people call a flow's actions and branches; `names` are those of metrics, lists and segments."""
    labels = {row["action_id"]: label_of(row["action_id"], row["type"], row["definition"]) for row in actions}
    branches = {
        (row["action_id"], branch): name for row in actions for branch, name in branch_names(row["definition"]).items()
    }
    return Known(labels, branches, names)


def _mentioned(history: History, more: Iterable[str | None]) -> set[str]:
    rows = chain(history.refused, *history.journal.values())
    return {*_ids_in(rows), *(one for one in more if one)}


def _ids_in(rows: Iterable[Row]) -> set[str]:
    details = (row["detail"] for row in rows)
    return {one for detail in details if isinstance(detail, dict) for one in ids_in(detail.get("seen"))}


def _step(row: Row, known: Known) -> Step:
    detail = row["detail"] if isinstance(row["detail"], dict) else {}
    action_id: int | None = row["action_id"]
    branch: str | None = detail.get("branch")
    return Step(
        row["at"],
        row["step"],
        action_id,
        known.labels.get(action_id, str(action_id)) if action_id is not None else None,
        row["outcome"],
        branch,
        known.branches.get((action_id, branch)) if action_id is not None and branch is not None else None,
        tuple(_conditions(detail.get("seen"), action_id, known)),
        {key: value for key, value in detail.items() if key not in HIDDEN},
    )


def _conditions(seen: Any, action_id: int | None, known: Known) -> Iterator[Condition]:
    for one in conditions_in(seen, None, known.names):
        place = None if action_id is None or one.of is None else (action_id, one.of)
        yield one if place is None else replace(one, of_name=known.branches.get(place))


def _passage(run: Row, history: History, known: Known) -> Passage:
    waits = run["state"] == RunState.WAITING
    waits_in = run["waiting_in"]
    return Passage(
        str(run["run_id"]),
        run["entered_at"],
        RunState(run["state"]).name.lower(),
        run["exit_reason"],
        run["error"],
        known.labels.get(waits_in, str(waits_in)) if waits and waits_in is not None else None,
        run["resume_at"] if waits else None,
        steps_of(history.journal.get(run["run_id"], ()), known),
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
        row["detail"],
    )
