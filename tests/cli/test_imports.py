"""`headrace import-profiles`."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import Commands, fetch_value
from import_files import PEOPLE, mistakes, profile, rules, written


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
    """A bad row stands there once, however many mistakes it has; each names its column, value and rule."""
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
        ("5", "Age; Born; Happy", "old; someday; perhaps"),
        ("6", "", ""),
        ("7", "", ""),
        ("8", "", ""),
        ("9", "Tags", "x" * 1000),
    ]
    assert expected == found
    told_rules = rules(path)
    assert "a number" in told_rules[2]
    assert "a date" in told_rules[2]
    assert "true or false" in told_rules[2]
    assert "needs an identifier" in told_rules[3]
    assert "3 cells; the header has 6" in told_rules[4]
    assert "quote" in told_rules[5]
    assert "102400" in told_rules[6]


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


def test_a_mended_error_file_can_be_imported(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Its own columns are left out."""
    path = written(tmp_path, "email,Age\nnobody,41\n")
    headrace.stops("import-profiles", str(path))
    errors = tmp_path / "people.csv.errors.csv"
    text = errors.read_text()
    head, line = text.splitlines()[:2]
    errors.write_text(f"{head}\n{line.removesuffix('nobody,41')}anna@example.com,41\n")
    headrace.run("import-profiles", str(errors))
    assert {"Age": "41"} == profile(database_dsn, "anna@example.com")["properties"]


@pytest.mark.parametrize("options", [("--dry-run",), ("--json",)])
def test_an_import_that_takes_nothing_fails(
    headrace: Commands, account: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """The exit status is 1 where rows were refused and none was taken; a file without rows is nothing to take."""
    refused = headrace.stops("import-profiles", str(written(tmp_path, "email\nnobody\nnor he\n")), *options)
    empty = headrace.data("import-profiles", str(written(tmp_path, "email\n", "empty.csv")))
    assert "nobody" not in refused
    assert (0, 0) == (empty["taken"], empty["refused"])


def test_what_was_done_is_told_in_a_sentence(headrace: Commands, account: str, tmp_path: Path) -> None:
    """One is not many."""
    path = written(tmp_path, "email\na@example.com\nnobody\n")
    told = headrace.run("import-profiles", str(path))
    assert told.startswith("1 profile imported in ")
    assert ", 1 row refused.\n" in told


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
