"""What is told of a simulation: the messages, a timeline per person, a table per flow.

What is here: loading them from the account's rows, as any account's could be. What is not: playing (`simulate`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.engine.explain import load_refused
from headrace.engine.labels import action_labels
from headrace.engine.play import Act, Changed, Consented, Joined, Tracked
from headrace.model import Channel, DeliveryState, RunState
from headrace.storage.database import Database, Row
from headrace.storage.step_counts import flow_counts

_DELIVERIES = """
SELECT d.profile_id, d.flow_id, d.action_id, d.variation, d.channel, d.state, d.reason, d.queued_at, d.sent_at,
    m.name, i.recipient, i.subject, i.text, i.html
FROM delivery d
LEFT JOIN flow_message m ON m.account_id = d.account_id AND m.message_id = d.message_id
LEFT JOIN inbox_message i ON i.bucket = d.bucket AND i.account_id = d.account_id AND i.delivery_id = d.delivery_id
WHERE d.account_id = $1 ORDER BY coalesce(d.sent_at, d.queued_at), d.action_id, d.profile_id, d.variation
"""
_RUNS = """
SELECT run_id, flow_id, profile_id, entered_at, state, exit_reason, error FROM run
WHERE account_id = $1 ORDER BY entered_at, profile_id, run_id
"""
_FLOWS = "SELECT flow_id, name FROM flow WHERE account_id = $1"
_JOURNAL = """
SELECT j.run_id, r.profile_id, j.flow_id, j.at, j.step, j.action_id, j.outcome, j.detail
FROM journal j JOIN run r ON r.bucket = j.bucket AND r.account_id = j.account_id AND r.run_id = j.run_id
WHERE j.account_id = $1 ORDER BY j.at, j.run_id, j.step
"""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was sent: when (UTC), to whom, under which name, and what it said."""

    at: datetime
    person: str
    channel: str
    name: str
    recipient: str | None = None
    subject: str | None = None
    text: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of a timeline: when (UTC), what (`did`, `entered`, `sent` or a journal's outcome), and of what."""

    at: datetime
    what: str
    of: str
    detail: Any = None


@dataclass(frozen=True, slots=True)
class Life:
    """What happened to one person: the timeline, and how each of their runs ended or stands."""

    person: str
    profile_id: str
    moments: tuple[Moment, ...]
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a simulation from `start` to `until`. `counts` are by flow id, as `step_counts` shows them.

    `notes` tell what was played in vain: events that no flow asks about.
    """

    start: datetime
    until: datetime
    people: tuple[Life, ...]
    messages: tuple[Message, ...]
    counts: Mapping[str, Mapping[str, Any]]
    notes: tuple[str, ...] = ()


async def load_messages(database: Database, account_id: str, people: Mapping[str, str]) -> list[Message]:
    """Return the messages that were sent, in the order of time; `people` maps profile ids to names."""
    rows = await database.fetch(_DELIVERIES, account_id)
    return [_message(row, people) for row in rows if row["state"] == DeliveryState.SENT]


async def load_report(
    database: Database,
    account_id: str,
    flow_ids: Sequence[str],
    people: Mapping[str, str],
    scenes: Iterable[tuple[datetime, str, Act]],
    start: datetime,
    until: datetime,
    called: Mapping[int, str],
) -> Report:
    """Return what came of a simulation; people in the order in which they came up.

    `called` maps action ids to those of the flows' documents.
    """
    deliveries = await database.fetch(_DELIVERIES, account_id)
    runs = await database.fetch(_RUNS, account_id)
    labels = await action_labels(database, account_id, flow_ids, called)
    names = {row["flow_id"]: row["name"] for row in await database.fetch(_FLOWS, account_id)}
    moments: defaultdict[str, list[tuple[datetime, int, Moment]]] = defaultdict(list)
    for at, profile_id, act in scenes:
        moments[profile_id].append((at, 0, Moment(at, "did", _told(act))))
    for row in runs:
        entered = Moment(row["entered_at"], "entered", names[row["flow_id"]])
        moments[row["profile_id"]].append((row["entered_at"], 1, entered))
    for row in await database.fetch(_JOURNAL, account_id):
        of = labels.get(row["action_id"], names[row["flow_id"]])
        moments[row["profile_id"]].append((row["at"], 2, Moment(row["at"], row["outcome"], of, row["detail"])))
    for row in deliveries:
        at = row["sent_at"] or row["queued_at"]
        moments[row["profile_id"]].append((at, 3, _of_delivery(row, at, labels)))
    counts = {flow_id: await _counts(database, account_id, flow_id, deliveries, called) for flow_id in flow_ids}
    for flow_id in (one for one in flow_ids if counts[one]["refused"]):
        for profile_id, rows in (await load_refused(database, account_id, flow_id, people)).items():
            of = names[flow_id]
            moments[profile_id] += ((one["at"], 2, Moment(one["at"], "refused", of, one["detail"])) for one in rows)
    lives = tuple(_life(profile_id, name, moments[profile_id], runs) for profile_id, name in people.items())
    sent = tuple(_message(row, people) for row in deliveries if row["state"] == DeliveryState.SENT)
    return Report(start, until, lives, sent, counts)


def _life(profile_id: str, name: str, moments: list[tuple[datetime, int, Moment]], runs: Sequence[Row]) -> Life:
    ordered = sorted(moments, key=lambda one: one[:2])
    ends = tuple(_end(row) for row in runs if row["profile_id"] == profile_id)
    return Life(name, profile_id, tuple(moment for *_, moment in ordered), ends)


def _end(run: Row) -> str:
    reason = run["exit_reason"] or run["error"]
    return RunState(run["state"]).name.lower() + (f": {reason}" if reason else "")


def _told(act: Act) -> str:
    match act:
        case Tracked():
            return act.metric
        case Joined():
            return f"{'joined' if act.joins else 'left'} {act.group}"
        case Changed():
            return "set " + ", ".join(act.values)
        case Consented():
            return f"{act.subscription.lower()} {act.channel.name.lower()}"


def _of_delivery(row: Row, at: datetime, labels: Mapping[int, str]) -> Moment:
    what = DeliveryState(row["state"]).name.lower()
    return Moment(at, what, labels.get(row["action_id"], str(row["action_id"])), _reason(row))


def _reason(row: Row) -> Any:
    return {"reason": row["reason"]} if row["reason"] else {"subject": row["subject"]} if row["subject"] else None


def _message(row: Row, people: Mapping[str, str]) -> Message:
    return Message(
        at=row["sent_at"],
        person=people.get(row["profile_id"], row["profile_id"]),
        channel=Channel(row["channel"]).send_channel,
        name=row["name"] or "",
        recipient=row["recipient"],
        subject=row["subject"],
        text=row["text"],
        html=row["html"],
    )


async def _counts(
    database: Database, account_id: str, flow_id: str, deliveries: Sequence[Row], called: Mapping[int, str]
) -> Mapping[str, Any]:
    """Return a flow's counts with each action's id in the document and the number of messages that it sent."""
    found = await flow_counts(database, account_id, flow_id)
    sent: defaultdict[str, int] = defaultdict(int)
    for row in deliveries:
        sent[str(row["action_id"])] += row["state"] == DeliveryState.SENT
    actions = [
        {**one, "id": called.get(int(one["id"]), one["id"]), "sent": sent[one["id"]]} for one in found["actions"]
    ]
    return {**found, "actions": actions}
