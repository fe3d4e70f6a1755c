"""Simulations: the same engine on a clock of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from handwritten_flows import cart_flow, document, on_metric

from engine_shop import delay, email
from headrace.engine.play import label_of, profile_of, read_people, read_scenes
from headrace.engine.simulate import START, Simulation, simulate
from headrace.errors import CommandError, Problems
from headrace.storage.database import Database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

SCENES = """
{"at": "0h", "profile": "ana@example.com", "metric": "Checkout Started", "value": 30}
{"at": "2h", "profile": {"email": "ben@example.com"}, "metric": "Checkout Started"}
{"at": "2h 30m", "profile": "ben@example.com", "metric": "Placed Order", "properties": {"Items": ["Hat"]}}

{"at": "1d", "profile": "ana@example.com", "set": {"first_name": "Ana", "tier": "gold"}}
{"at": "1d", "profile": "ana@example.com", "join": "VIP"}
"""


async def test_scenes_are_played_through_a_flow(database: Database) -> None:
    """Who orders gets no reminder; the timeline tells each person's story with its moments."""
    scenes = read_scenes(SCENES.splitlines(), START)

    report = await simulate(database, cart_flow(), scenes, START + timedelta(days=30))

    assert [
        ("ana@example.com", "reminder", START + HOUR),
        ("ana@example.com", "last call", START + HOUR + 2 * DAY),
    ] == [(one.person, one.name, one.at) for one in report.messages]
    ana, ben = report.people
    assert (("finished",), ("finished",)) == (ana.runs, ben.runs)
    story = [(one.at - START, one.what) for one in ben.moments]
    assert [
        (2 * HOUR, "did"),
        (2 * HOUR, "entered"),
        (2 * HOUR, "waiting"),
        (2.5 * HOUR, "did"),
        (3 * HOUR, "branch"),
    ] == story
    assert START + timedelta(days=30) == report.until


async def test_the_table_tells_how_many_each_action_sent(database: Database) -> None:
    """Actions come in their order, under the document's own ids, with their names, counters and sends."""
    scenes = read_scenes(SCENES.splitlines(), START)

    report = await simulate(database, cart_flow(), scenes, START + timedelta(days=30))

    (counts,) = report.counts.values()
    sent = {one["name"]: one["sent"] for one in counts["actions"]}
    assert (1, 1) == (sent["reminder"], sent["last call"])
    assert ["wait", "ordered?", "reminder", "longer wait", "last call"] == [one["id"] for one in counts["actions"]]


async def test_people_who_were_there_before_start_nothing_by_being_made(database: Database) -> None:
    """Somebody on the list from the first is no new member."""
    lines = ['{"email": "ana@example.com", "first_name": "Ana", "lists": ["Newsletter"]}']
    flow = document("Hello", {"type": "list", "id": "Newsletter"}, email("hello", "Hello"))
    scenes = read_scenes(['{"at": "1d", "profile": "ben@example.com", "join": "Newsletter"}'], START)

    report = await simulate(database, flow, scenes, START + 2 * DAY, people=read_people(lines))

    assert [("ben@example.com", START + DAY)] == [(one.person, one.at) for one in report.messages]


async def test_consent_decides_over_text_messages(database: Database) -> None:
    """Only who subscribed is texted."""
    message = {"name": "text", "body": "Hi", "smart_sending_enabled": False}
    sms = {
        "temporary_id": "text",
        "type": "send-sms",
        "links": {"next": None},
        "data": {"message": message, "status": "live"},
    }
    lines = [
        '{"email": "ana@example.com", "phone_number": "+15005550006", "consent": {"sms": "SUBSCRIBED"}}',
        '{"email": "ben@example.com", "phone_number": "+15005550007"}',
    ]
    told = '{{"profile": "{}@example.com", "metric": "Checkout Started"}}'
    scenes = read_scenes([told.format(name) for name in ("ana", "ben")], START)

    flow = document("Text", on_metric("Checkout Started"), sms)
    report = await simulate(database, flow, scenes, START + DAY, people=read_people(lines))

    assert [("ana@example.com", "sms")] == [(one.person, one.channel) for one in report.messages]
    assert "skipped" in [one.what for one in report.people[1].moments]


async def test_a_flow_that_does_not_run_is_refused_with_its_mistakes(database: Database) -> None:
    """A definition with a mistake is told as an import tells it."""
    flow = document("Wrong", on_metric("Checkout Started"), delay("wait", "nowhere"))
    with pytest.raises(Problems):
        await simulate(database, flow, [], START)


async def test_a_simulation_in_a_test_is_moved_by_hand(database: Database) -> None:
    """Let something happen, let time pass, look at the messages, and go on."""
    simulation = await Simulation.open(database)
    await simulation.flow(cart_flow())
    await simulation.event("Checkout Started", "ana", value=30, properties={"Items": 1})
    await simulation.advance("1h")
    first = [one.name for one in await simulation.messages()]
    await simulation.set("ana", first_name="Ana")
    await simulation.advance(timedelta(days=2))

    assert (["reminder"], ["reminder", "last call"]) == (first, [one.name for one in await simulation.messages()])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 1: it is not JSON"),
        ("[]", "line 1: it is not an object"),
        ('{"at": "1d", "profile": "ana@x.example"}', "line 1: nothing happens in it"),
        ('{"at": "soon", "profile": "ana@x.example", "metric": "A"}', "'soon' is not a duration"),
        ('{"at": "2020-01-01", "profile": "ana@x.example", "metric": "A"}', "before the simulation begins"),
        ('{"profile": {}, "metric": "A"}', "profile names nobody"),
        ('{"profile": {"mail": "a"}, "metric": "A"}', "profile has mail"),
        ('{"metric": "A"}', "profile is null"),
        ('{"profile": "ana@x.example", "metric": 3}', "metric is 3; it must be a text"),
        ('{"profile": "ana@x.example", "metric": "A", "value": "3"}', 'value is "3"; it must be a number'),
        (
            '{"profile": "ana@x.example", "metric": "A", "strange": 1}',
            "strange means nothing here; a line may",
        ),
        ('{"profile": "ana@x.example", "join": "A", "value": 1}', "value means nothing here"),
        (
            '{"profile": "ana@x.example", "consent": {"webhook": "SUBSCRIBED"}}',
            "one of email, sms, push, whatsapp",
        ),
        ('{"profile": "ana@x.example", "consent": {"fax": "SUBSCRIBED"}}', "consent names 'fax'"),
        ('{"profile": "ana@x.example", "consent": {"sms": "YES"}}', 'consent is "YES"'),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str, told: str) -> None:
    """The number of the line, the thing and the rule."""
    with pytest.raises(CommandError) as caught:
        read_scenes([line], START)
    assert told in str(caught.value)


def test_scenes_come_in_the_order_of_time() -> None:
    """Whatever order the file has; moments may be times since the start or dates."""
    lines = (
        '{"at": "2026-03-03T10:00:00Z", "profile": "b@x.example", "metric": "B"}',
        '{"at": "PT1H", "profile": "a@x.example", "leave": "A"}',
    )
    scenes = read_scenes(lines, START)
    assert [(START + HOUR, "a@x.example"), (datetime(2026, 3, 3, 10, tzinfo=UTC), "b@x.example")] == [
        (one.at, label_of(one.person)) for one in scenes
    ]


def test_a_name_alone_stands_for_an_address() -> None:
    """Tests call people by their first names."""
    assert "ana@example.com" == label_of(profile_of("ana"))
