"""`headrace import-profiles` and `headrace import-events`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import Commands, fetch_value

from headrace.clock import SystemClock
from headrace.storage.database import Database
from headrace.storage.import_files import FileKey, Progress, begin_import, move_import

PEOPLE = "SELECT count(*) FROM profile"


def written(folder: Path, text: str | bytes, name: str = "people.csv") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes(path: Path) -> list[tuple[str, str, str]]:
    """Return row, column and value of every line of a CSV error file."""
    rows = csv.DictReader(io.StringIO(path.with_name(f"{path.name}.errors.csv").read_text()))
    return [(row["error_row"], row["error_column"], row["error_value"]) for row in rows]


def rules(path: Path) -> list[str]:
    """Return the rules that an error file of a CSV file tells."""
    rows = csv.DictReader(io.StringIO(path.with_name(f"{path.name}.errors.csv").read_text()))
    return [row["error_rule"] for row in rows]


def profile(dsn: str, email: str) -> dict[str, Any]:
    """Return a profile by its address."""
    query = f"SELECT to_jsonb(p)::text FROM profile p WHERE email = '{email}'"
    found = fetch_value(dsn, query)
    assert found is not None, f"there is no {email}"
    return dict(json.loads(found))


def test_headings_are_understood_and_others_become_properties(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Usual headings need no mapping; a column that nobody mapped is kept as a custom property."""
    path = written(
        tmp_path, "E-Mail,First Name,City,Time Zone,Shoe size\nsarah@example.com,Sarah,Boston,Europe/Berlin,38\n"
    )
    told = headrace.data("import-profiles", str(path))
    found = profile(database_dsn, "sarah@example.com")
    assert (told["taken"], told["refused"], told["errors"]) == (1, 0, None)
    assert ("Sarah", {"city": "Boston"}, "Europe/Berlin") == (found["first_name"], found["location"], found["timezone"])
    assert {"Shoe size": "38"} == found["properties"]


def test_columns_are_mapped_and_typed(headrace: Commands, account: str, database_dsn: str, tmp_path: Path) -> None:
    """`--map` names fields and properties, a type stands behind it or in `--type`, `-` leaves a column out."""
    path = written(
        tmp_path,
        'Mail,Vorname,Alter,Newsletter,Geboren,Farben,Notiz\na@example.com,Anna,41,yes,1985-03-04,"red, blue",secret\n',
    )
    headrace.run(
        *("import-profiles", str(path), "--map", "Mail=email", "--map", "Vorname=first_name", "--map", "Notiz=-"),
        *("--map", "Alter=properties.age:number", "--type", "Newsletter=boolean", "--type", "Geboren=date"),
        *("--type", "Farben=list"),
    )
    found = profile(database_dsn, "a@example.com")
    expected = {"age": 41, "Newsletter": True, "Geboren": "1985-03-04", "Farben": ["red", "blue"]}
    assert (expected, "Anna") == (found["properties"], found["first_name"])


def test_only_mapped_leaves_the_rest_out(headrace: Commands, account: str, database_dsn: str, tmp_path: Path) -> None:
    """With --only-mapped unknown columns are left out."""
    headrace.run("import-profiles", str(written(tmp_path, "email,Color\na@example.com,red\n")), "--only-mapped")
    assert {} == profile(database_dsn, "a@example.com")["properties"]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        pytest.param(b"\xef\xbb\xbfemail,first_name\r\na@example.com,J\xc3\xbcrgen\r\n", (), id="bom-and-crlf"),
        pytest.param(b"email;first_name\na@example.com;J\xc3\xbcrgen", (), id="semicolons-and-no-last-line-feed"),
        pytest.param(b"email\tfirst_name\na@example.com\tJ\xfcrgen\n", ("--encoding", "windows-1252"), id="windows"),
        pytest.param(b"email|first_name\na@example.com|J\xc3\xbcrgen\n", ("--delimiter", "pipe"), id="pipe"),
    ],
)
def test_files_of_other_programs_are_read(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path, content: bytes, options: tuple[str, ...]
) -> None:
    """Byte order marks, line ends, delimiters and encodings do not stand in the way."""
    headrace.run("import-profiles", str(written(tmp_path, content)), *options)
    assert "Jürgen" == profile(database_dsn, "a@example.com")["first_name"]


def test_quoted_line_feeds_stay_within_a_cell(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """A row may span lines, and rows are numbered as a spreadsheet numbers them."""
    path = written(tmp_path, 'email,Note\na@example.com,"one\ntwo, ""three"""\n\nwrong,x\n')
    told = headrace.data("import-profiles", str(path))
    assert {"Note": 'one\ntwo, "three"'} == profile(database_dsn, "a@example.com")["properties"]
    assert (1, 1) == (told["taken"], told["refused"])
    assert [("4", "email", "wrong")] == mistakes(path)


def test_bad_rows_go_to_the_error_file_and_the_others_on(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Each mistake names its row, column, value and rule; one row may have several."""
    path = written(
        tmp_path,
        "email,phone_number,Age,Born,Happy,Tags\n"
        "good1@example.com,,1,,,\n"
        "nobody,,,,,\n"
        "b@example.com,0171 555,,,,\n"
        "c@example.com,,old,someday,perhaps,[1\n"
        ",,3,,,\n"
        "d@example.com,,4\n"
        '"e@example.com,,,,,\n'
        f"f@example.com,,,,,{'x' * 102_401}\n"
        "good2@example.com,,5,,,\n",
    )
    told = headrace.data(
        *("import-profiles", str(path), "--type", "Age=number", "--type", "Born=date", "--type", "Happy=boolean"),
        *("--type", "Tags=text"),
    )
    assert (2, 7) == (told["taken"], told["refused"])
    assert 2 == fetch_value(database_dsn, PEOPLE)
    found = mistakes(path)
    expected = [
        ("3", "email", "nobody"),
        ("4", "phone_number", "0171 555"),
        ("5", "Age", "old"),
        ("5", "Born", "someday"),
        ("5", "Happy", "perhaps"),
        ("6", "", ""),
        ("7", "", ""),
        ("8", "", ""),
        ("9", "Tags", "x" * 1000),
    ]
    assert expected == found
    told_rules = rules(path)
    assert "a number" in told_rules[2]
    assert "needs an identifier" in told_rules[5]
    assert "3 cells; the header has 6" in told_rules[6]
    assert "quote" in told_rules[7]
    assert "102400" in told_rules[8]


def test_text_that_cannot_be_stored_is_refused(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Bytes that are no UTF-8 and NUL characters spoil only their rows."""
    path = written(tmp_path, b"email,N\na@example.com,\xff\nb@example.com,\x00\nc@example.com,ok\n")
    told = headrace.data("import-profiles", str(path))
    assert (1, 2) == (told["taken"], told["refused"])
    assert ["valid utf-8" in rules(path)[0], "NUL" in rules(path)[1]] == [True, True]


def test_what_only_the_database_refuses_costs_one_row(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """No check sees the character that a list spells by its number; the rows around it are written."""
    rows = [f'p{number}@example.com,"[""a""]"' for number in range(9)]
    path = written(tmp_path, "\n".join(["email,Tags", *rows[:5], 'x@example.com,"[""\\u0000""]"', *rows[5:]]))
    told = headrace.data("import-profiles", str(path), "--type", "Tags=list")
    assert (9, 1, 9) == (told["taken"], told["refused"], fetch_value(database_dsn, PEOPLE))
    assert [("7", "", "")] == mistakes(path)


def test_what_happened_to_an_imported_person_is_told(headrace: Commands, account: str, tmp_path: Path) -> None:
    """`person history` tells the newest first, and the kinds asked for."""
    events = [line(1, profile={"email": "a@example.com"}), line(2, profile={"email": "a@example.com"})]
    headrace.run("import-events", str(written(tmp_path, "\n".join(events), "events.jsonl")))
    found = headrace.data("person", "history", "a@example.com", "--kind", "event", "--limit", "1")
    printed = headrace.run("person", "history", "a@example.com")
    assert [("Placed Order", 2)] == [(one["title"], one["details"]["properties"]["number"]) for one in found]
    assert 2 == printed.count("Placed Order")
    assert "'birthday'" in headrace.fails("person", "history", "a@example.com", "--kind", "birthday")


def test_a_mended_error_file_can_be_imported(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Its own columns are left out."""
    path = written(tmp_path, "email,Age\nnobody,41\n")
    headrace.run("import-profiles", str(path))
    errors = tmp_path / "people.csv.errors.csv"
    text = errors.read_text()
    head, line = text.splitlines()[:2]
    errors.write_text(f"{head}\n{line.removesuffix('nobody,41')}anna@example.com,41\n")
    headrace.run("import-profiles", str(errors))
    assert {"Age": "41"} == profile(database_dsn, "anna@example.com")["properties"]


def test_later_rows_change_what_earlier_ones_made(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """The same identifier twice is one person; a row may give that person another address."""
    path = written(
        tmp_path,
        "email,external_id,First name,Color\n"
        "a@example.com,1,Ann,red\n"
        "A@Example.com,1,Anna,\n"
        "b@example.com,1,,\n"
        "a@example.com,2,Other,\n",
    )
    told = headrace.data("import-profiles", str(path))
    found = profile(database_dsn, "b@example.com")
    assert (4, 0, 2) == (told["taken"], told["refused"], fetch_value(database_dsn, PEOPLE))
    assert ("Anna", {"Color": "red"}, "1") == (found["first_name"], found["properties"], found["external_id"])
    assert "Other" == profile(database_dsn, "a@example.com")["first_name"]


def test_a_row_that_names_two_people_is_refused(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Whoever is two people has to be merged; the row changes neither."""
    path = written(
        tmp_path,
        "email,external_id,first_name\na@example.com,1,A\nb@example.com,2,B\na@example.com,2,C\nc@example.com,,D\n",
    )
    told = headrace.data("import-profiles", str(path))
    assert (3, 1) == (told["taken"], told["refused"])
    assert [("4", "external_id", "2")] == mistakes(path)
    assert "A" == profile(database_dsn, "a@example.com")["first_name"]


@pytest.mark.parametrize(
    ("text", "options", "rule"),
    [
        ("", (), "no header"),
        ("Name\nx\n", (), "no column tells who a person is"),
        ("email,email\na@example.com,b\n", (), "two columns 'email'"),
        ("email,E-Mail\na@example.com,b\n", (), "are both email"),
        ("email\n", ("--map", "Mail=email"), "no column 'Mail'"),
        ("email,x\n", ("--map", "x=nothing"), "no field 'nothing'"),
        ("email,x\n", ("--map", "x"), "COLUMN=FIELD"),
        ("email,x\n", ("--type", "x=money"), "no type 'money'"),
        ("email,x\n", ("--type", "email=number"), "which is text"),
        ("email\n", ("--list", "Nobody's"), "no list"),
        ("email\n", ("--consent", "email=maybe"), "subscribed or unsubscribed"),
        ("email\n", ("--consent", "email=subscribed", "--consent", "email=unsubscribed"), "says both"),
        ("email\n", ("--encoding", "utf-16"), "convert"),
        ("email\n", ("--encoding", "klingon"), "unknown"),
        ("email\n", ("--delimiter", "ab"), "one character"),
    ],
)
def test_what_cannot_be_imported_at_all_is_told_at_once(
    headrace: Commands, account: str, tmp_path: Path, text: str, options: tuple[str, ...], rule: str
) -> None:
    """Mistakes in the header and the options stop the command before the first row."""
    assert rule in headrace.fails("import-profiles", str(written(tmp_path, text)), *options)


def test_a_file_that_is_not_there_is_named(headrace: Commands, account: str, tmp_path: Path) -> None:
    """The path is told."""
    assert "nowhere.csv" in headrace.fails("import-profiles", str(tmp_path / "nowhere.csv"))


def test_the_error_file_cannot_be_the_file_itself(headrace: Commands, account: str, tmp_path: Path) -> None:
    """What is to be imported is never overwritten."""
    path = written(tmp_path, "email\nnobody\n")
    assert "name another one" in headrace.fails("import-profiles", str(path), "--errors", str(path))
    assert "email\nnobody\n" == path.read_text()


def test_a_dry_run_writes_nothing_but_errors(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Rows are checked; the import can still be run afterwards."""
    path = written(tmp_path, "email\na@example.com\nnobody\n")
    told = headrace.data("import-profiles", str(path), "--dry-run")
    assert (1, 1, 0) == (told["taken"], told["refused"], fetch_value(database_dsn, PEOPLE))
    assert (tmp_path / "people.csv.dry-run.errors.csv").exists()
    assert 1 == headrace.data("import-profiles", str(path))["taken"]


def test_people_join_a_list_and_agree(headrace: Commands, account: str, database_dsn: str, tmp_path: Path) -> None:
    """--list and --consent hold for every row that is taken; --no-flows makes them history."""
    fetch_value(
        database_dsn,
        "INSERT INTO profile_group (group_id, account_id, kind, name, created_at, updated_at) "
        f"VALUES ('LIST01', '{account}', 'list', 'News', now(), now())",
    )
    path = written(tmp_path, "email,phone_number\na@example.com,\nb@example.com,+15005550006\nnobody,\n")
    consents = ("--consent", "email=subscribed", "--consent", "sms=unsubscribed")
    headrace.run("import-profiles", str(path), "--list", "News", *consents, "--no-flows")
    members = fetch_value(database_dsn, "SELECT count(*) FROM membership WHERE group_id = 'LIST01'")
    consent = fetch_value(
        database_dsn,
        "SELECT string_agg(email || channel || subscription || method, ' ' ORDER BY email, channel) "
        "FROM consent JOIN profile USING (profile_id)",
    )
    starting = fetch_value(database_dsn, "SELECT count(*) FROM pending WHERE kind IN (0, 1) AND NOT backfill")
    expected = [
        "a@example.com1SUBSCRIBEDmanual_import",
        "b@example.com1SUBSCRIBEDmanual_import",
        "b@example.com2UNSUBSCRIBEDmanual_import",
    ]
    assert (2, " ".join(expected), 0) == (members, consent, starting)


def test_a_column_may_tell_what_people_agreed_to(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Each row tells it of its person; consent to what cannot reach the person is a mistake."""
    path = written(
        tmp_path,
        "email,E-Mail consent,SMS consent\n"
        "a@example.com,SUBSCRIBED,\n"
        "b@example.com,no,\n"
        "c@example.com,Never subscribed,\n"
        "d@example.com,,subscribed\n"
        "e@example.com,perhaps,\n",
    )
    mapping = ("--map", "E-Mail consent=consent.email", "--map", "SMS consent=consent.sms")
    told = headrace.data("import-profiles", str(path), *mapping)
    consent = fetch_value(
        database_dsn,
        "SELECT string_agg(email || ' ' || subscription, ', ' ORDER BY email) "
        "FROM consent JOIN profile USING (profile_id)",
    )
    assert (3, "a@example.com SUBSCRIBED, b@example.com UNSUBSCRIBED") == (told["taken"], consent)
    assert [("5", "SMS consent", "subscribed"), ("6", "E-Mail consent", "perhaps")] == mistakes(path)
    assert "both say" in headrace.fails("import-profiles", str(path), *mapping, "--consent", "email=subscribed")


def test_a_file_that_is_done_is_not_imported_twice(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """The second command says so; --restart begins anew, and so does another mapping."""
    path = written(tmp_path, "email,x\na@example.com,1\n")
    headrace.run("import-profiles", str(path))
    fetch_value(database_dsn, "UPDATE profile SET properties = '{}'")
    again = headrace.data("import-profiles", str(path))
    kept = profile(database_dsn, "a@example.com")["properties"]
    headrace.run("import-profiles", str(path), "--map", "x=properties.y")
    mapped = profile(database_dsn, "a@example.com")["properties"]
    headrace.run("import-profiles", str(path), "--restart")
    assert (True, {}, {"y": "1"}) == (again["was_done"], kept, mapped)
    assert {"x": "1", "y": "1"} == profile(database_dsn, "a@example.com")["properties"]


SLOWLY = """
import asyncio, sys
from headrace.cli import app
from headrace.engine import imports

imports.BATCH = 10
real, left = imports.move_import, int(sys.argv.pop(1))

async def moved(*arguments):
    global left
    left -= 1
    if left < 0:
        print("here", flush=True)
        await asyncio.sleep(3600)
    return await real(*arguments)

imports.move_import = moved
app(sys.argv[1:])
"""
"""The command, which stops for ever in the transaction that follows as many batches as its first argument says."""


def killed_within(headrace: Commands, batches: int, *arguments: str) -> None:
    """Run a command and kill it (SIGKILL) within the transaction that follows some batches."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOWLY, str(batches), *arguments],
        env={**os.environ, **headrace.environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "here" == process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)


def test_a_killed_import_goes_on_where_it_stopped(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Nobody is lost or told of twice, nor is a mistake."""
    lines = [f"p{number}@example.com" if number % 7 else f"wrong{number}" for number in range(100)]
    path = written(tmp_path, "\n".join(["email", *lines]) + "\n")
    killed_within(headrace, 4, "import-profiles", str(path))
    assert 34 == fetch_value(database_dsn, PEOPLE)
    told = headrace.data("import-profiles", str(path))
    assert (85, 15, 41) == (told["taken"], told["refused"], told["resumed_after_row"])
    assert 85 == fetch_value(database_dsn, PEOPLE)
    assert [(str(number + 2), f"wrong{number}") for number in range(0, 100, 7)] == [
        (row, value) for row, _, value in mistakes(path)
    ]


def test_killed_events_are_counted_once(headrace: Commands, account: str, database_dsn: str, tmp_path: Path) -> None:
    """Going on neither loses nor doubles an event, though none has an id of its own."""
    events = [line(number) for number in range(100)]
    path = written(tmp_path, "\n".join(events), "events.jsonl")
    killed_within(headrace, 3, "import-events", str(path))
    before = fetch_value(database_dsn, "SELECT count(*) FROM event")
    told = headrace.data("import-events", str(path))
    assert (30, 100, 100, 30) == (
        before,
        fetch_value(database_dsn, "SELECT count(*) FROM event"),
        told["taken"],
        told["resumed_after_row"],
    )


def test_going_on_is_told(headrace: Commands, account: str, tmp_path: Path) -> None:
    """Whoever runs the command once more reads where it goes on, and how many that makes."""
    path = written(tmp_path, "\n".join(["email", *(f"p{number}@example.com" for number in range(30))]))
    killed_within(headrace, 1, "import-profiles", str(path))
    told = headrace.run("import-profiles", str(path))
    assert "goes on after row 11" in told
    assert "30 profiles imported" in told


def test_only_one_of_two_imports_of_a_file_moves_on(database_dsn: str) -> None:
    """Whoever finds that the file is further than it was when the batch began has to undo the batch."""

    async def both() -> tuple[bool, bool]:
        database = await Database.connect(database_dsn, size=1)
        key, now = FileKey("ACCNT1", "profiles", "digest"), SystemClock().now()
        before, after = Progress(10, 1), Progress(20, 2, taken=1)
        await begin_import(database, key, "people.csv", 30, before, now)
        async with database.transaction() as transaction:
            first = await move_import(transaction, key, before, after, now)
            second = await move_import(transaction, key, before, after, now)
        await database.close()
        return first, second

    assert (True, False) == asyncio.run(both())


def line(number: int, **changes: Any) -> str:
    """Return a line with an event in its shortest shape."""
    event = {
        "metric": "Placed Order",
        "profile": {"email": f"p{number % 10}@example.com"},
        "time": f"2026-07-01T10:{number // 60:02}:{number % 60:02}Z",
        "properties": {"number": number},
        "value": 9.5,
    }
    return json.dumps({**event, **changes})


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
        (line(1, metric=None), "metric", "metric"),
        (line(1, profile={}), "profile.data.attributes", "none was given"),
        (line(1, profile={"email": "nobody"}), "profile.data.attributes.email", "e-mail"),
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


def test_an_unknown_target_of_an_event_is_refused(headrace: Commands, account: str, tmp_path: Path) -> None:
    """The path is named, and those that there are."""
    path = written(tmp_path, line(1), "events.jsonl")
    assert "no 'person'" in headrace.fails("import-events", str(path), "--map", "user=person")
