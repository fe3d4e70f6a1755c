"""A simulation and the engine on the machine's clock come to the same: messages, steps with their moments, counts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_shop import WORKSHOP, delay, email, split
from headrace.clock import SystemClock, VirtualClock
from headrace.engine.account_clock import standing
from headrace.engine.doctor import PATIENCE
from headrace.engine.play import Changed, Consented, Joined, Scene, Tracked, profile_of
from headrace.engine.setup import build_core
from headrace.engine.simulate import START, Simulation
from headrace.engine.simulated import Report
from headrace.engine.worker import Worker
from headrace.ids import RandomIds
from headrace.model import Account, Channel
from headrace.storage.accounts import create_account
from headrace.storage.database import Database
from headrace.storage.doctor import look

PEOPLE = ("ana", "ben", "cleo")
HALF_HOURS = 48 * 4
"""The scenes of a story lie in four days."""
UNTIL = START + timedelta(days=40)


@pytest.fixture
async def database(database_dsn: str) -> AsyncIterator[Database]:
    """A pool over a fresh, migrated database."""
    pool = await Database.connect(database_dsn, size=8)
    yield pool
    await pool.close()


@dataclass
class OnTheMachinesClock(Simulation):
    """The same account and the same scenes, but on the machine's clock, which stops wherever something is due."""

    @classmethod
    async def begin(cls, database: Database) -> OnTheMachinesClock:
        """Make an account that follows a machine's clock of the test's own."""
        core = build_core(database, WORKSHOP, clock=VirtualClock(START), ids=RandomIds())
        account = await create_account(database, core.ids, Account("", "Machine"), SystemClock())
        return cls(core, account, START, START)

    async def advance_to(self, moment: datetime) -> None:
        """Let a worker do what is due, and the machine's time pass to the next thing, until the moment has come."""
        worker, clock = Worker(self.core), self.core.clock
        assert isinstance(clock, VirtualClock)
        await worker.drain()
        while self.now < moment:
            following = (await standing(self.core.database, self.account.account_id, clock)).next_at
            self.now = min(moment, following or moment)
            clock.move_to(self.now)
            await worker.drain()


ORDERED = {
    "type": "profile-metric",
    "metric_id": "Placed Order",
    "measurement": "count",
    "measurement_filter": {"type": "numeric", "operator": "greater-than-or-equal", "value": 1},
    "timeframe_filter": {"type": "date", "operator": "flow-start"},
    "metric_filters": None,
}
GOLD = {
    "type": "profile-property",
    "property": "properties['tier']",
    "filter": {"type": "string", "operator": "equals", "value": "gold"},
}
DELAYS = st.one_of(
    st.integers(0, 90).map(lambda half: {"unit": "minutes", "value": 30 * half}),
    st.integers(0, 3).map(lambda days: {"unit": "days", "value": days, "delay_until_time": "12:00:00"}),
    st.just({"unit": "days", "value": 1, "delay_until_weekdays": ["friday", "sunday"]}),
)


def text(name: str, following: str | None) -> dict[str, Any]:
    """Return a text message under smart sending, which quiet hours may hold."""
    message = {"name": name, "body": "Hi", "smart_sending_enabled": True}
    data = {"message": message, "status": "live"}
    return {"temporary_id": name, "type": "send-sms", "links": {"next": following}, "data": data}


def become_gold(name: str, following: str | None) -> dict[str, Any]:
    """Return a change of the person."""
    operation = {"operator": "create", "property_type": "string", "property_key": "tier", "property_value": "gold"}
    data = {"profile_operations": [operation], "status": "live"}
    return {"temporary_id": name, "type": "update-profile", "links": {"next": following}, "data": data}


@st.composite
def flows(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a flow of up to eight actions in a row, some of them splits that let people out."""
    kinds = draw(st.lists(st.sampled_from(["delay", "mail", "smart", "text", "split", "gold"]), min_size=1, max_size=8))
    actions = []
    for number, kind in enumerate([*kinds, "mail"]):
        name, following = f"{number}", f"{number + 1}" if number < len(kinds) else None
        match kind:
            case "delay":
                actions.append(delay(name, following, **draw(DELAYS)))
            case "split":
                asked = draw(st.sampled_from([ORDERED, GOLD]))
                ways = (None, following) if draw(st.booleans()) else (following, None)
                actions.append(split(name, asked, *ways))
            case "text":
                actions.append(text(name, following))
            case "gold":
                actions.append(become_gold(name, following))
            case _:
                actions.append(email(name, "Hello", following, smart_sending_enabled=kind == "smart"))
    trigger = draw(
        st.sampled_from(
            [
                {"type": "metric", "id": "Checkout Started", "trigger_filter": None},
                {"type": "list", "id": "Newsletter"},
            ]
        )
    )
    reentry = draw(st.sampled_from([None, {"unit": "alltime", "duration": 0}, {"unit": "day", "duration": 1}]))
    definition: dict[str, Any] = {
        "triggers": [trigger],
        "profile_filter": None,
        "entry_action_id": "0",
        "actions": actions,
    }
    if reentry is not None and trigger["type"] == "metric":
        definition["reentry_criteria"] = reentry
    return {"name": "Flow", "definition": definition}


ACTS = st.one_of(
    st.just(Tracked("Checkout Started", {})),
    st.just(Tracked("Placed Order", {})),
    st.just(Joined("Newsletter")),
    st.just(Joined("Newsletter", joins=False)),
    st.sampled_from([Changed({"tier": "gold"}), Changed({"tier": "none"})]),
    st.sampled_from([Consented(Channel.SMS, "SUBSCRIBED"), Consented(Channel.EMAIL, "UNSUBSCRIBED")]),
)
MOMENTS = st.integers(0, HALF_HOURS).map(lambda half: START + timedelta(minutes=30 * half))
PHONES = {name: f"+1500555000{number}" for number, name in enumerate(PEOPLE, 6)}
WHO = st.sampled_from(PEOPLE).map(lambda name: {"email": f"{name}@example.com", "phone_number": PHONES[name]})
SCENES = st.lists(st.builds(Scene, MOMENTS, WHO.map(profile_of), ACTS.map(lambda act: (act,))), max_size=10)


async def play(simulation: Simulation, flow: dict[str, Any], scenes: list[Scene]) -> Report:
    """Play a story to its end."""
    for name, phone in PHONES.items():
        await simulation.person({"email": f"{name}@example.com", "phone_number": phone})
    await simulation.flow(flow)
    await simulation.play(scenes)
    await simulation.advance_to(UNTIL)
    return await simulation.report()


def told(report: Report) -> dict[str, Any]:
    """Return what must be the same: everything but the ids that the database gave."""
    (counts,) = report.counts.values()
    return {
        "messages": sorted((one.at, one.person, one.channel, one.name) for one in report.messages),
        "lives": {
            life.person: ([(one.at, one.what, _nameless(one.of)) for one in life.moments], life.runs)
            for life in report.people
        },
        "counts": counts,
    }


def _nameless(label: str) -> str:
    return re.sub(r"\d{8,}$", "", label)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flow=flows(), scenes=SCENES)
async def test_a_simulation_comes_to_what_the_engine_comes_to(
    database: Database, flow: dict[str, Any], scenes: list[Scene]
) -> None:
    """The same story on a clock of its own and on the machine's; and its counts are what a recount says."""
    simulated = await play(await Simulation.open(database), flow, scenes)
    real = await play(await OnTheMachinesClock.begin(database), flow, scenes)
    assert told(real) == told(simulated)
    for report in (simulated, real):
        (counts,) = report.counts.values()
        ends = [end for life in report.people for end in life.runs]
        assert (counts["entered"], counts["finished"]) == (len(ends), ends.count("finished"))
    assert [] == await look(database, "gauges", [], PATIENCE, UNTIL)
