"""`headrace simulate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Commands, fetch_value

EXAMPLES = Path(__file__).parents[2] / "examples"
CART = EXAMPLES / "abandoned-cart.json"
TEMPLATE = {"type": "template", "id": "Hello", "attributes": {"name": "Hello", "html": "<p>Hi {{ first_name }}</p>"}}
DELAY = {"unit": "days", "value": 2, "secondary_value": 0, "timezone": "profile"}
MESSAGE = {"name": "Hello", "subject_line": "Hello", "template_id": "Hello", "smart_sending_enabled": False}
FLOW = {
    "name": "Hello",
    "definition": {
        "triggers": [{"type": "list", "id": "Newsletter"}],
        "profile_filter": None,
        "entry_action_id": "wait",
        "actions": [
            {"temporary_id": "wait", "type": "time-delay", "links": {"next": "mail"}, "data": DELAY},
            {"temporary_id": "mail", "type": "send-email", "links": {}, "data": {"message": MESSAGE, "status": "live"}},
        ],
    },
    "included": [TEMPLATE],
}


@pytest.fixture
def flow(tmp_path: Path) -> str:
    """The file of a flow that greets new members after two days."""
    FLOW["definition"]["actions"][1]["links"] = {"next": None}  # type: ignore[index]
    file = tmp_path / "flow.json"
    file.write_text(json.dumps(FLOW))
    return str(file)


@pytest.fixture
def events(tmp_path: Path) -> str:
    """The file of what happens: somebody joins after a day."""
    file = tmp_path / "events.jsonl"
    file.write_text(
        '{"at": "1d", "profile": {"email": "ana@example.com", "first_name": "Ana"}, "join": "Newsletter"}\n'
    )
    return str(file)


def test_a_simulation_prints_a_timeline_and_a_table(headrace: Commands, flow: str, events: str) -> None:
    """Each person's story with its times, then what each action came to."""
    printed = headrace.run("simulate", flow, "--events", events, "--until", "30d")

    assert "ana@example.com: finished" in printed
    assert "2026-03-05 10:00:00" in printed
    assert "3d" in printed
    assert 'send-email "Hello"' in printed


def test_a_simulation_is_data_too(headrace: Commands, flow: str, events: str) -> None:
    """`--json` gives messages, people and counts; `--start` says when it begins."""
    told = headrace.data("simulate", flow, "--events", events, "--until", "30d", "--start", "2026-06-01T00:00:00Z")

    (message,) = told["messages"]
    assert ("2026-06-04T00:00:00+00:00", "ana@example.com", "Hello") == tuple(
        message[name] for name in ("at", "person", "subject")
    )
    assert "Hi Ana" in message["html"]
    assert ["finished"] == told["people"][0]["runs"]


def test_who_was_refused_is_told_with_the_rule(headrace: Commands, flow: str, events: str) -> None:
    """Somebody whom the flow's filter leaves out has a line that says so, and what the filter saw."""
    only = {
        "type": "profile-property",
        "property": "properties['tier']",
        "filter": {"type": "string", "operator": "equals", "value": "gold"},
    }
    document = json.loads(Path(flow).read_text())
    document["definition"]["profile_filter"] = {"condition_groups": [{"conditions": [only]}]}
    Path(flow).write_text(json.dumps(document))

    printed = headrace.run("simulate", flow, "--events", events)

    assert "ana@example.com: never entered" in printed
    assert "reason fails_flow_filters: profile-property:properties['tier'] saw null" in printed


def test_nothing_is_left_of_a_simulation(headrace: Commands, flow: str, events: str) -> None:
    """Its database is dropped, and the one that the settings name is not touched."""
    headrace.run("simulate", flow, "--events", events)

    dsn = headrace.environment["HEADRACE_DATABASE_URL"]
    assert 0 == fetch_value(dsn, "SELECT count(*) FROM pg_database WHERE datname LIKE 'headrace_simulation_%'")
    assert 0 == fetch_value(dsn, "SELECT count(*) FROM account")


def test_a_simulation_ends_when_it_is_told_to(headrace: Commands, flow: str, events: str) -> None:
    """Until a day before the message nobody got it; the run still waits."""
    told = headrace.data("simulate", flow, "--events", events, "--until", "2d")
    assert ([], ["waiting"]) == (told["messages"], told["people"][0]["runs"])


def test_mistakes_are_told_with_their_places(headrace: Commands, tmp_path: Path, flow: str, events: str) -> None:
    """Of the flow by pointers, of the events by lines; missing files by name."""
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({**FLOW, "definition": {**FLOW["definition"], "entry_action_id": "nowhere"}}))  # type: ignore[dict-item]
    lines = tmp_path / "wrong.jsonl"
    lines.write_text('{"profile": "ana@example.com", "metric": "A"}\n{"at": "later"}\n')

    assert "/entry_action_id" in headrace.fails("simulate", str(broken), "--events", events)
    assert "line 2: 'later' is not a duration" in headrace.fails("simulate", flow, "--events", str(lines))
    assert "none cannot be read: No such file" in headrace.fails("simulate", flow, "--events", str(tmp_path / "none"))
    assert "'Mars/X' is not an IANA" in headrace.fails("simulate", flow, "--events", events, "--timezone", "Mars/X")
    assert "lies before" in headrace.fails("simulate", flow, "--events", events, "--until", "2020-01-01")


def test_the_example_is_simulated(headrace: Commands, tmp_path: Path) -> None:
    """The abandoned cart as it is shipped: who abandons a cart is reminded."""
    lines = tmp_path / "events.jsonl"
    lines.write_text('{"profile": "ana@example.com", "metric": "Added to Cart"}\n')
    people = tmp_path / "people.jsonl"
    ana = {"email": "ana@example.com", "phone_number": "+15005550006", "consent": {"sms": "SUBSCRIBED"}}
    people.write_text(json.dumps({**ana, "lists": ["Newsletter"]}))
    told = headrace.data("simulate", str(CART), "--events", str(lines), "--profiles", str(people))
    assert 1 <= len(told["messages"])


def test_events_of_metrics_that_the_flow_does_not_use_are_noted(headrace: Commands, tmp_path: Path) -> None:
    """A slip in a metric's name is told with the names that the flow knows; right names are not mentioned."""
    file = tmp_path / "slip.jsonl"
    line = {"at": "1h", "profile": "ana@example.com", "metric": "Checkout Startd"}
    file.write_text(json.dumps(line))
    printed = headrace.run("simulate", str(CART), "--events", str(file), "--until", "1d")
    known = json.dumps(json.loads(CART.read_text()))
    note = printed[printed.index("Note: ") :]
    assert "'Checkout Startd', which this flow does not use; it uses '" in note
    named = note.partition("it uses '")[2].partition("'")[0]
    assert named in known
    file.write_text(json.dumps({**line, "metric": named}))
    assert "Note: " not in headrace.run("simulate", str(CART), "--events", str(file), "--until", "1d")
