"""`headrace import-events`, and what is told of the people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Commands, fetch_value
from import_files import line, written


def test_what_happened_to_an_imported_person_is_told(headrace: Commands, account: str, tmp_path: Path) -> None:
    """`person history` tells the newest first, and the kinds asked for."""
    events = [line(1, profile={"email": "a@example.com"}), line(2, profile={"email": "a@example.com"})]
    headrace.run("import-events", str(written(tmp_path, "\n".join(events), "events.jsonl")))
    found = headrace.data("person", "history", "a@example.com", "--kind", "event", "--limit", "1")
    printed = headrace.run("person", "history", "a@example.com")
    assert [("Placed Order", 2)] == [(one["title"], one["details"]["properties"]["number"]) for one in found]
    assert 2 == printed.count("Placed Order")
    assert "'birthday'" in headrace.fails("person", "history", "a@example.com", "--kind", "birthday")


def test_events_come_in_every_shape_of_the_api(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Short, as the attributes of an event of the API, and with its envelopes; they start no flows."""
    attributes = {
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": "p2@example.com"}}},
        "properties": {},
        "time": "2026-07-01T10:00:00Z",
        "unique_id": "one",
    }
    envelope = {"data": {"type": "event", "attributes": {**attributes, "unique_id": "two"}}}
    lines = ["\ufeff" + line(1), json.dumps(attributes), "", json.dumps(envelope)]
    told = headrace.data("import-events", str(written(tmp_path, "\n".join(lines), "events.jsonl")))
    found = fetch_value(
        database_dsn,
        "SELECT count(*) || ' ' || count(*) FILTER (WHERE backfill) || ' ' || min(m.name) "
        "FROM event e JOIN metric m USING (metric_id) JOIN pending USING (number)",
    )
    assert (3, 0, "3 3 Placed Order") == (told["taken"], told["refused"], found)


def test_events_are_mapped(headrace: Commands, account: str, database_dsn: str, tmp_path: Path) -> None:
    """Paths in the line become paths of the event; what is left becomes a property."""
    raw = {"user": {"mail": "a@example.com"}, "at": "2026-07-01", "total": 3, "currency": "EUR", "note": "n", "x": 1}
    path = written(tmp_path, json.dumps(raw), "events.jsonl")
    mapping = ("user.mail=profile.email", "at=time", "total=value", "currency=properties.Currency", "x=-")
    headrace.run(
        *("import-events", str(path), "--metric", "Bought", "--no-backfill"),
        *(part for one in mapping for part in ("--map", one)),
    )
    found = fetch_value(
        database_dsn,
        "SELECT e.properties::text || e.value::text || m.name || p.email || e.occurred_at::date || pending.backfill "
        "FROM event e JOIN metric m USING (metric_id) JOIN profile p USING (profile_id) JOIN pending USING (number)",
    )
    assert '{"note": "n", "Currency": "EUR"}3Boughta@example.com2026-07-01false' == found


@pytest.mark.parametrize(
    ("text", "column", "rule"),
    [
        ("{", "", "not valid JSON"),
        ("[1]", "", "must be an object"),
        (b'{"metric": "\xff"}', "", "not valid UTF-8"),
        (line(1, metric=None), "metric", "names no metric"),
        (line(1, metric=""), "metric", "at least 1 character"),
        (line(1, profile=None), "profile", "tells of no person"),
        (line(1, profile="ana@example.com"), "profile", 'an object, like {"email": "sarah@example.com"}'),
        (line(1, profile={}), "profile", "none was given"),
        (line(1, profile={"email": "nobody"}), "profile.email", "e-mail"),
        (line(1, profile={"id": "01JNOTHERE"}), "", "no profile"),
        (line(1, time="1812-01-01"), "time", "after the year 1989"),
        (line(1, time="2026-02-31"), "time", "date"),
        (line(1, value="much"), "value", "number"),
        (line(1, color="red"), "color", "color"),
        (line(1, properties={"a\u0000": 1}), "properties.a", "NUL"),
        (line(1, properties={str(n): n for n in range(401)}), "properties", "at most 400"),
        (line(1, properties={"deep": [[[[[[[[[[1]]]]]]]]]]}), "properties.deep.0.0.0.0.0.0.0.0.0", "levels deep"),
    ],
)
def test_bad_lines_go_to_the_error_file(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path, text: str | bytes, column: str, rule: str
) -> None:
    """A bad line is told with its number, the place in it and the rule; the good one behind it goes on."""
    raw = text if isinstance(text, bytes) else text.encode()
    path = written(tmp_path, raw + b"\n" + line(2).encode() + b"\n", "events.jsonl")
    told = headrace.data("import-events", str(path))
    [found] = [json.loads(one) for one in (tmp_path / "events.jsonl.errors.jsonl").read_text().splitlines()]
    assert (1, 1) == (told["taken"], told["refused"])
    assert (1, column) == (found["row"], found["column"])
    assert rule in found["rule"]


def test_a_mistake_is_told_by_its_place_in_the_line(headrace: Commands, account: str, tmp_path: Path) -> None:
    """The error file shows where the value stands in the line as it was written, in whichever shape, and the value."""
    bad, good = {"email": "nobody"}, {"metric": "Bought", "time": "2026-07-01"}
    enveloped = {"data": {"type": "profile", "attributes": bad}}
    attributes = {"metric": {"data": {"type": "metric", "attributes": {"name": "Bought"}}}, "profile": enveloped}
    lines = (
        {**good, "profile": bad},
        {**attributes, "properties": {}},
        {"data": {"type": "event", "attributes": {**attributes, "properties": {}}}},
    )
    path = written(tmp_path, "\n".join(map(json.dumps, lines)), "events.jsonl")
    headrace.stops("import-events", str(path))
    found = [json.loads(one) for one in (tmp_path / "events.jsonl.errors.jsonl").read_text().splitlines()]
    expected = [
        ("profile.email", "nobody"),
        ("profile.data.attributes.email", "nobody"),
        ("data.attributes.profile.data.attributes.email", "nobody"),
    ]
    assert expected == [(one["column"], one["value"]) for one in found]


def test_a_mistake_in_a_mapped_line_is_told_by_the_path_that_is_mapped(
    headrace: Commands, account: str, tmp_path: Path
) -> None:
    """With `--map` the error file names the path in the line, not that in the event."""
    path = written(tmp_path, json.dumps({"user": {"mail": "nobody"}, "sum": "much"}), "events.jsonl")
    mapping = ("--map", "user.mail=profile.email", "--map", "sum=value")
    headrace.stops("import-events", str(path), "--metric", "Bought", *mapping)
    found = [json.loads(one) for one in (tmp_path / "events.jsonl.errors.jsonl").read_text().splitlines()]
    assert {("user.mail", "nobody"), ("sum", "much")} == {(one["column"], one["value"]) for one in found}


def test_a_mapping_of_events_is_of_paths(headrace: Commands, account: str, tmp_path: Path) -> None:
    """The help and the error speak of a path, as a line has no columns."""
    path = written(tmp_path, line(1), "events.jsonl")
    assert "PATH=FIELD" in headrace.fails("import-events", str(path), "--map", "user")
    assert "PATH=FIELD" in headrace.run("import-events", "--help")


def test_an_unknown_target_of_an_event_is_refused(headrace: Commands, account: str, tmp_path: Path) -> None:
    """The path is named, and those that there are."""
    path = written(tmp_path, line(1), "events.jsonl")
    assert "no 'person'" in headrace.fails("import-events", str(path), "--map", "user=person")
