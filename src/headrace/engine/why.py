"""Why somebody did not get a message: the first rule that failed, told in a sentence.

What is here: pure functions over what is kept about a person and a flow, and the flow as it is now. The rules are asked
in the order in which a message comes to be: the flow is open, something begins a run, the run enters, it comes to the
action, the action sends, the provider takes it. Of several runs the newest counts, unless an older one sent it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.engine.labels import label_of
from headrace.engine.truths import GROUP, branch_names, told_of
from headrace.flows.compiled import CompiledFlow
from headrace.flows.walk import targets_of
from headrace.model import DeliveryState, RunState
from headrace.storage.database import Row
from headrace.storage.run_histories import History

WORDS = {
    "reentry": "the re-entry rule of the flow let them in no further time",
    "late_event": "the event came in too long after its own time",
    "chain_too_deep": "flows fed one another too often in a row",
    "fails_flow_filters": "the flow's filter left them out",
    "action_deleted": "the action at which they were was deleted",
    "person_deleted": "the person was deleted",
    "nothing_follows": "nothing that acts followed",
}
"""Reasons of the engine in words; those of gates are words already."""


@dataclass(frozen=True, slots=True)
class Why:
    """The rule that decided, as a word for programs and a sentence for people; `got` tells that the message was sent.

    `at` is when it was decided (UTC), None where nothing ever was. `run_id` is the run that the rule is about.
    """

    rule: str
    told: str
    at: datetime | None = None
    run_id: str | None = None
    got: bool = False


def why_not(history: History, action_id: int, message_id: str | None, flow: CompiledFlow | None) -> Why:
    """Return the first rule that kept a person from the message of an action; None means any message of it."""
    if not history.runs:
        return never_entered(history, flow)
    found = [_in_run(history, run, action_id, message_id) for run in history.runs]
    return next((why for why in found if why.got), found[0])


def never_entered(history: History, flow: CompiledFlow | None) -> Why:
    """Return why a person has no run in the flow."""
    if history.refused:
        row = history.refused[0]
        detail = row["detail"] or {}
        reason = detail.get("reason", "")
        saw = told_of(detail.get("seen"), history.names)
        return Why("refused", f"They did not enter: {WORDS.get(reason, reason)}{saw}.", row["at"], None)
    if history.pending:
        return Why("pending", "What happened to them last is still to be worked out.")
    return _closed(history, flow) or _no_cause(history, flow)


def _closed(history: History, flow: CompiledFlow | None) -> Why | None:
    row = history.flow
    if row["deleted_at"] is not None:
        return Why("flow_deleted", "The flow was deleted.", row["deleted_at"])
    if row["archived"]:
        return Why("flow_archived", "The flow is archived.")
    if row["status"] == "draft":
        return Why("flow_draft", "The flow is a draft: nobody enters it.")
    if flow is None:
        return Why("flow_broken", "The flow's definition cannot be read.")
    if not flow.entry_allowed_by_status():
        return Why("nothing_live", "None of the flow's actions is live or manual, so nobody enters it.")
    return None


def _no_cause(history: History, flow: CompiledFlow | None) -> Why:
    trigger = flow.trigger if flow else None
    if trigger is None:
        return Why("no_trigger", "The flow has no trigger, so nothing begins a run.")
    if trigger.metric_id is not None:
        return _no_event(history, flow)
    if trigger.group_id is not None:
        return _no_join(history, trigger.group_id)
    planned = history.causes.planned
    if planned is not None:
        day = planned["target_on"].isoformat()
        return Why("planned", f"They enter at {_moment(planned['enters_at'])}, for the date {day}.")
    return Why("no_date", "No entry is planned: they have no date to come that the flow waits for.")


def _no_event(history: History, flow: CompiledFlow | None) -> Why:
    assert flow is not None
    assert flow.trigger is not None
    events, opened_at = history.causes.events, history.flow["opened_at"]
    if not events:
        metric = _named(history, flow.trigger.metric_id)
        return Why("no_event", f"They have no event of the metric {metric}, for which the flow waits.")
    matching = [event for event in events if flow.trigger.matches(event)]
    if not matching:
        told = f"The trigger's filter fits none of their {len(events)} events, the last at "
        return Why("trigger_filter", f"{told}{_moment(events[0].occurred_at)}.", events[0].occurred_at)
    last = matching[0].occurred_at
    if opened_at is None or last < opened_at:
        told = f"Their last event that fits, at {_moment(last)}, came before the flow went live"
        return Why("before_live", f"{told}{'' if opened_at is None else f' at {_moment(opened_at)}'}.", last)
    return Why("started_nothing", f"Their event at {_moment(last)} was recorded as one that starts nothing.", last)


def _no_join(history: History, group_id: str) -> Why:
    joined_at, opened_at = history.causes.joined_at, history.flow["opened_at"]
    group = _named(history, group_id)
    if joined_at is None:
        return Why("no_member", f"They are no member of {group}, for whose new members the flow waits.")
    joined = f"They joined {group} at {_moment(joined_at)}"
    if opened_at is None or joined_at < opened_at:
        return Why("before_live", f"{joined}, before the flow went live.", joined_at)
    return Why("started_nothing", f"{joined} in a way that starts nothing.", joined_at)


def _in_run(history: History, run: Row, action_id: int, message_id: str | None) -> Why:
    deliveries = [row for row in history.deliveries.get(run["run_id"], ()) if row["action_id"] == action_id]
    steps = [row for row in history.journal.get(run["run_id"], ()) if row["action_id"] == action_id]
    found = (
        _of_another(deliveries, message_id)
        or _of_deliveries(deliveries)
        or _of_steps(steps, history.names)
        or _of_state(history, run, action_id)
        or Why("not_there", "Their way through the flow did not lead there when they passed: it has been edited since.")
    )
    return Why(found.rule, found.told, found.at, str(run["run_id"]), found.got)


def _of_another(rows: Sequence[Row], message_id: str | None) -> Why | None:
    """Return that a test of variations gave the person another message of the same action."""
    if not rows or message_id is None or any(row["message_id"] == message_id for row in rows):
        return None
    return Why("variation", f'A test of variations gave them "{rows[-1]["name"]}" instead.', rows[-1]["queued_at"])


def _of_deliveries(rows: Sequence[Row]) -> Why | None:
    if not rows:
        return None
    row = next((one for one in rows if one["state"] == DeliveryState.SENT), rows[-1])
    reason = row["reason"] or "no reason was given"
    match DeliveryState(row["state"]):
        case DeliveryState.SENT:
            bounced = f" and bounced at {_moment(row['bounced_at'])}" if row["bounced_at"] else ""
            return Why("sent", f"It was sent at {_moment(row['sent_at'])}{bounced}.", row["sent_at"], got=True)
        case DeliveryState.QUEUED:
            again = f" after {row['attempts']} attempts; the provider said: {reason}" if row["attempts"] else ""
            return Why("queued", f"It is queued and due at {_moment(row['due_at'])}{again}.", row["queued_at"])
        case DeliveryState.SENDING:
            return Why("sending", "A worker hands it to the provider just now.", row["queued_at"])
        case DeliveryState.FAILED:
            return Why("failed", f"The provider refused it: {reason}.", row["sent_at"] or row["due_at"])
        case DeliveryState.SKIPPED:
            more = f" ({row['detail']})" if row["detail"] else ""
            return Why("skipped", f"It was skipped before it was sent: {reason}{more}.", row["due_at"])
        case DeliveryState.UNCONFIRMED:
            return Why(
                "unconfirmed", "Nobody knows whether the provider took it; it is not sent again.", row["sent_at"]
            )
        case DeliveryState.REVIEW:
            return Why("review", "It waits for a user to release it.", row["queued_at"])
        case DeliveryState.CANCELED:
            return Why("canceled", "A user canceled it.", row["due_at"])


def _of_steps(rows: Sequence[Row], names: Mapping[str, str]) -> Why | None:
    """Return what the action itself decided."""
    for row in reversed(rows):
        detail = row["detail"] or {}
        if row["outcome"] == "skipped":
            return Why(
                "skipped", f"The action was skipped: {detail.get('reason', '')}{_left(detail, names)}.", row["at"]
            )
        if row["outcome"] == "held":
            until = f" until {detail['until']}" if "until" in detail else ""
            return Why("held", f"It is held{until}: {detail.get('reason', '')}.", row["at"])
        if row["outcome"] == "passed":
            return Why("not_live", "The action was neither live nor manual when they came to it.", row["at"])
    return None


def _left(detail: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Return the list or segment that the person had left, by its name and its id, in brackets; mostly nothing."""
    seen = detail.get("seen")
    group_id = seen.get(GROUP) if isinstance(seen, Mapping) else None
    name = names.get(group_id or "")
    if group_id is None:
        return ""
    return f" ({group_id})" if name is None else f' ("{name}", {group_id})'


def _of_state(history: History, run: Row, action_id: int) -> Why | None:
    actions = {row["action_id"]: row for row in history.actions}
    links = {key: _targets(row["definition"]) for key, row in actions.items()}
    at = run["resume_at"]
    match RunState(run["state"]):
        case RunState.PARKED:
            return Why("parked", f"The run stopped for a bug and waits for a retry: {run['error']}", at)
        case RunState.HELD:
            return Why(
                "held_entry", "Too many entered at once; the run begins when a user confirms it.", run["entered_at"]
            )
        case RunState.WAITING if _leads(links, run["action_id"], action_id):
            where = run["waiting_in"]
            told = f" in {_label(actions, where)}" if where is not None else ""
            return Why("waiting", f"They have not come to it yet: they wait{told} until {_moment(at)}.", at)
        case RunState.EXITED:
            reason = run["exit_reason"] or ""
            turned = _turned_away(history, run, action_id, links, actions)
            return turned or Why("exited", f"They left the flow before: {WORDS.get(reason, reason)}.", at)
        case _:
            return _turned_away(history, run, action_id, links, actions)


def _turned_away(
    history: History,
    run: Row,
    action_id: int,
    links: Mapping[int, Sequence[int]],
    actions: Mapping[int, Row],
) -> Why | None:
    """Return the first split after which no way led to the action any more."""
    steps = history.journal.get(run["run_id"], ())
    for place, row in enumerate(steps):
        if row["outcome"] != "branch" or not _leads(links, row["action_id"], action_id):
            continue
        following = next((one["action_id"] for one in steps[place + 1 :] if one["action_id"] != row["action_id"]), None)
        following = run["action_id"] if following is None and run["state"] == RunState.WAITING else following
        if following is None or not _leads(links, following, action_id):
            detail = row["detail"] or {}
            branch = _branch(actions, row["action_id"], str(detail.get("branch")))
            told = f"{_label(actions, row['action_id'])} led them down the branch {branch!r}, elsewhere"
            return Why("branch", f"{told}{told_of(detail.get('seen'), history.names)}.", row["at"])
    return None


def _targets(definition: dict[str, object]) -> list[int]:
    return [int(one) for one in targets_of(definition) if str(one).isdigit()]


def _leads(links: Mapping[int, Sequence[int]], start: int | None, to: int) -> bool:
    """Tell whether an action is another one, or lies on some way from it."""
    ahead, seen = [start], set[int]()
    while ahead:
        one = ahead.pop()
        if one == to:
            return True
        if one is not None and one not in seen:
            seen.add(one)
            ahead += links.get(one, ())
    return False


def _label(actions: Mapping[int, Row], action_id: int) -> str:
    row = actions.get(action_id)
    return str(action_id) if row is None else label_of(action_id, row["type"], row["definition"])


def _branch(actions: Mapping[int, Row], action_id: int, branch: str) -> str:
    row = actions.get(action_id)
    return branch if row is None else branch_names(row["definition"]).get(branch, branch)


def _named(history: History, known_id: str | None) -> str:
    """Return the name of a metric, list or segment in quotation marks, or its id."""
    name = history.names.get(known_id or "")
    return str(known_id) if name is None else f'"{name}"'


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
