"""What came of a scenario, in the shape of its `expect`.

sent: ["ana mail 1h"]                  person, action (and variation), time since the start; a number counts them only
skipped: ["ana mail: Smart Sending"]   or the state of what was neither sent nor skipped for a reason
runs: {ana: [FINISHED]}                `everybody` means all alike; an exit has its reason: "EXITED nothing_follows"
refused: [reentry]
entered: ["ana 1h"]                    when runs began                                           (if given)
properties: {ana: {plan: gold}}        of the person, those named here; null for none             (if given)
members: {VIP: [ana]}                  of lists and segments                                      (if given)
moves: {VIP: ["ana joins 1h"]}         who joined and left lists and segments, in order           (if given)
events: {Cart Rescued: ["ana 1h"]}     of metrics                                                 (if given)
texts: {ana mail: ["Hello Ana"]}       pieces that each message of that person and action holds    (if given)
counts: {mail: {passed: 1}, flow: {entered: 2}}   counters, those named here; "skipped Smart Sending" (if given)
branches: ["ana vip true"]             which way each split led                                   (if given)
trials: ["test ended significant: b"]  how the experiments of the first flow stand                (if given)
given: {test: {used: [a, b], each: 1}} variations that people got, and how many one person at most (if given)
held: {gold: [ana]}                    whom the questions named here led to yes (questions.py)     (if given)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenario import Scenario
from tried import given, trials

from headrace.model import DeliveryState, RunState
from headrace.storage.step_counts import counts_of

_SKIPPED = """
SELECT r.profile_id, j.action_id, j.detail FROM journal j JOIN run r USING (bucket, account_id, run_id)
WHERE j.outcome = 'skipped' AND NOT EXISTS (
    SELECT FROM delivery d WHERE d.bucket = j.bucket AND d.run_id = j.run_id AND d.action_id = j.action_id
)
"""
_BRANCHES = """
SELECT r.profile_id, j.action_id, j.detail FROM journal j JOIN run r USING (bucket, account_id, run_id)
WHERE j.outcome = 'branch'
"""
_EVENTS = """
SELECT e.profile_id, e.occurred_at FROM event e JOIN metric m USING (metric_id) WHERE m.name = $1
ORDER BY e.occurred_at, e.number
"""
_TEXTS = """
SELECT i.profile_id, d.action_id, concat_ws(E'\\n', i.recipient, i.subject, i.html, i.text, i.headers::text) AS content
FROM inbox_message i JOIN delivery d USING (bucket, account_id, delivery_id)
"""


async def outcome(scenario: Scenario) -> dict[str, Any]:
    """Return what came of a scenario: always the first four, of the others what the scenario expects something of."""
    found: dict[str, Any] = {
        "sent": await _sent(scenario),
        "skipped": await _skipped(scenario),
        "runs": await _runs(scenario),
        "refused": await scenario.shop.refusals(),
    }
    readers = {
        "entered": _entered,
        "properties": _properties,
        "members": _members,
        "moves": _moves,
        "events": _events,
        "texts": _texts,
        "counts": _counts,
        "branches": _branches,
        "held": _held,
        "trials": _trials,
        "given": _given,
    }
    expected = scenario.told["expect"]
    if isinstance(expected.get("sent"), int):
        found["sent"] = len(found["sent"])
    if "everybody" in expected.get("runs", {}):
        found["runs"] = _alike(scenario, found["runs"])
    return found | {name: await read(scenario, expected[name]) for name, read in readers.items() if name in expected}


async def _sent(scenario: Scenario) -> list[str]:
    people, actions = _turned(scenario.shop.people), _turned(scenario.actions)
    return sorted(
        " ".join(
            filter(
                None,
                (
                    people[row["profile_id"]],
                    actions[row["action_id"]],
                    _variation(scenario, row["variation"]),
                    scenario.written(row["sent_at"]),
                ),
            )
        )
        for row in await scenario.shop.deliveries()
        if row["state"] == DeliveryState.SENT
    )


def _variation(scenario: Scenario, variation: str) -> str:
    """Return the temporary id of a variation; scenarios give their experiments no others."""
    return _turned(scenario.shop.variations).get(variation, variation) if variation else ""


async def _skipped(scenario: Scenario) -> list[str]:
    """Return the messages that were skipped, by the step or just before sending, and those that wait or ended.

    What was skipped when it was released from the review has a row in the journal, too, which counts once.
    """
    people, actions = _turned(scenario.shop.people), _turned(scenario.actions)
    kept = [row for row in await scenario.shop.deliveries() if row["state"] != DeliveryState.SENT]
    reasons = [row["reason"] or DeliveryState(row["state"]).name for row in kept]
    found = [
        f"{people[row['profile_id']]} {actions[row['action_id']]}: {reason}"
        for row, reason in zip(kept, reasons, strict=True)
    ]
    steps = await scenario.shop.database.fetch(_SKIPPED)
    found += [f"{people[row['profile_id']]} {actions[row['action_id']]}: {row['detail']['reason']}" for row in steps]
    return sorted(set(found)) if "once" in scenario.told else sorted(found)


async def _runs(scenario: Scenario) -> dict[str, list[str]]:
    people = _turned(scenario.shop.people)
    found: dict[str, list[str]] = {}
    for row in await scenario.shop.runs():
        told = " ".join(filter(None, (RunState(row["state"]).name, row["exit_reason"])))
        found.setdefault(people[row["profile_id"]], []).append(told)
    return {name: sorted(states) for name, states in sorted(found.items())}


async def _entered(scenario: Scenario, _: Any) -> list[str]:
    people = _turned(scenario.shop.people)
    return sorted(
        f"{people[row['profile_id']]} {scenario.written(row['entered_at'])}" for row in await scenario.shop.runs()
    )


async def _properties(scenario: Scenario, expected: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {}
    for person, properties in expected.items():
        row = await scenario.shop.database.fetch_row(
            "SELECT * FROM profile WHERE profile_id = $1", scenario.shop.people[person]
        )
        assert row is not None
        found[person] = {name: row["properties"].get(name, _column(row, name)) for name in properties}
    return found


def _column(row: Mapping[str, Any], name: str) -> Any:
    return row[name] if name in dict(row) else None


async def _members(scenario: Scenario, expected: Mapping[str, Any]) -> dict[str, list[str]]:
    people = _turned(scenario.shop.people)
    groups = scenario.names["list"] | scenario.names["segment"]
    rows = await scenario.shop.database.fetch("SELECT group_id, profile_id FROM membership")
    return {
        name: sorted(people[row["profile_id"]] for row in rows if row["group_id"] == groups[name]) for name in expected
    }


async def _moves(scenario: Scenario, expected: Mapping[str, Any]) -> dict[str, list[str]]:
    groups = scenario.names["list"] | scenario.names["segment"]
    return {
        name: [
            f"{person} {'joins' if joins else 'leaves'} {scenario.written(at)}"
            for person, joins, at in await scenario.shop.moves(groups[name])
        ]
        for name in expected
    }


async def _events(scenario: Scenario, expected: Mapping[str, Any]) -> dict[str, list[str]]:
    people = _turned(scenario.shop.people)
    return {
        metric: [
            f"{people[row['profile_id']]} {scenario.written(row['occurred_at'])}"
            for row in await scenario.shop.database.fetch(_EVENTS, metric)
        ]
        for metric in expected
    }


async def _texts(scenario: Scenario, expected: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return, of the pieces expected, those that every message of the person and action holds."""
    people, actions = _turned(scenario.shop.people), _turned(scenario.actions)
    contents: dict[str, list[str]] = {}
    for row in await scenario.shop.database.fetch(_TEXTS):
        key = f"{people[row['profile_id']]} {actions[row['action_id']]}"
        contents.setdefault(key, []).append(row["content"])
    return {
        key: [piece for piece in pieces if key in contents and all(piece in content for content in contents[key])]
        for key, pieces in expected.items()
    }


async def _counts(scenario: Scenario, expected: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    shop = scenario.shop
    found: dict[tuple[int, str], int] = {}
    for row in await counts_of(shop.database, shop.account.account_id, scenario.flow_id):
        key = (row["action_id"], f"{row['counter']} {row['detail']}".strip())
        found[key] = row["amount"]
    ids = {"flow": 0, **scenario.actions}
    return {
        name: {counter: found.get((ids[name], counter), 0) for counter in counters}
        for name, counters in expected.items()
    }


async def _branches(scenario: Scenario, _: Any) -> list[str]:
    people, actions = _turned(scenario.shop.people), _turned(scenario.actions)
    rows = await scenario.shop.database.fetch(_BRANCHES)
    return sorted(f"{people[row['profile_id']]} {actions[row['action_id']]} {row['detail']['branch']}" for row in rows)


async def _trials(scenario: Scenario, _: Any) -> list[str]:
    return await trials(scenario)


async def _given(scenario: Scenario, _: Any) -> dict[str, Any]:
    return await given(scenario)


async def _held(scenario: Scenario, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return who was led to yes by each question; one that somebody was not asked once is said to be so."""
    asked: dict[str, dict[str, bool]] = {}
    people, actions = _turned(scenario.shop.people), _turned(scenario.actions)
    for row in await scenario.shop.database.fetch(_BRANCHES):
        name = actions[row["action_id"]]
        asked.setdefault(name, {})[people[row["profile_id"]]] = row["detail"]["branch"] in ("true", f"{name} yes")
    everybody = set(scenario.told["people"])
    return {
        name: [person for person in scenario.told["people"] if answers[person]]
        if (answers := asked.get(name, {})).keys() == everybody
        else f"not asked: {sorted(everybody - answers.keys())}"
        for name in expected
    }


def _alike(scenario: Scenario, runs: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the runs of `everybody` when all people have the same, else those of each."""
    states = [runs.get(name) for name in scenario.told["people"]]
    first = states[0]
    return {"everybody": first} if first and all(one == first for one in states) else dict(runs)


def _turned(names: Mapping[str, Any]) -> dict[Any, str]:
    return {value: name for name, value in names.items()}
