"""`headrace import` and `headrace export`: a flow survives the way there and back, in both spellings."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from commands import Commands, fetch_value

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "abandoned-cart.json"
OVERVIEW = ROOT.parent / "shared" / "reference" / "flows-api-overview.txt"

KEYS_OF_IDS = (
    *("id", "next", "nextIfTrue", "nextIfFalse", "entryActionId", "metricId", "templateId"),
    *("next_if_true", "next_if_false", "entry_action_id", "metric_id", "template_id"),
)


def bare(path: Path, document: Any) -> Path:
    """Write a document without the things that it brings along."""
    path.write_text(json.dumps({name: value for name, value in document.items() if name != "included"}))
    return path


def without_ids(document: Any) -> Any:
    """Return what a flow's document says, with ids numbered in the order in which they appear."""
    attributes = {**document["data"]["attributes"]}
    for stamp in ("created", "updated"):
        attributes.pop(stamp)
    text = json.dumps(attributes, sort_keys=True)
    numbers: dict[str, str] = {}
    names = rf'"(?:{"|".join(KEYS_OF_IDS)})"'
    known = re.compile(rf'({names}: )"([^"]+)"|(\["?)([A-Za-z0-9]{{6}})("\])')

    def number(found: re.Match[str]) -> str:
        value = found[2] or found[4]
        label = numbers.setdefault(value, f"<{len(numbers)}>")
        return f'{found[1]}"{label}"' if found[2] else f"{found[3]}{label}{found[5]}"

    return json.loads(known.sub(number, text))


def overview_flow() -> Any:
    """Return the Abandoned Cart of the overview."""
    text = OVERVIEW.read_text()
    start = text.index("{", text.index("from /flow/abc123/edit"))
    return json.JSONDecoder().raw_decode(text[start:])[0]


def documents() -> list[Any]:
    """Return the flows that must survive: our examples, and the overview's own where it is at hand."""
    examples = sorted(EXAMPLE.parent.glob("*.json"))
    found = [pytest.param(json.loads(file.read_text()), id=file.stem) for file in examples]
    if OVERVIEW.exists():
        found.append(pytest.param(overview_flow(), id="overview"))
    return found


@pytest.mark.parametrize("document", documents())
def test_a_flow_exports_as_it_was_imported(headrace: Commands, account: str, tmp_path: Path, document: Any) -> None:
    """The camelCase document comes back equal, ids aside."""
    file = bare(tmp_path / "flow.json", document)
    flow_id = headrace.data("import", str(file), "--create-missing")["flow_id"]
    assert without_ids(document) == without_ids(json.loads(headrace.run("export", flow_id)))


@pytest.mark.parametrize("document", documents())
@pytest.mark.parametrize("spelling", ["camel", "snake"])
def test_an_export_imports_in_either_spelling(
    headrace: Commands, account: str, tmp_path: Path, document: Any, spelling: str
) -> None:
    """What one flow exports, another one made from it exports too."""
    first = headrace.data("import", str(bare(tmp_path / "flow.json", document)), "--create-missing")["flow_id"]
    file = tmp_path / "again.json"
    headrace.run("export", first, "--spelling", spelling, "--output", str(file))
    second = headrace.data("import", str(file))
    again = json.loads(headrace.run("export", second["flow_id"], "--spelling", spelling))
    assert second["made"] == []
    assert without_ids(json.loads(file.read_text())) == without_ids(again)


def test_an_import_names_everything_that_the_account_lacks_and_stops(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Both metrics, the list and the template are named at once; nothing is written."""
    told = headrace.fails("import", str(bare(tmp_path / "flow.json", json.loads(EXAMPLE.read_text()))))
    assert [one for one in ("AddCrt", "PlcOrd", "NwsLtr", "CrtMl1", "--create-missing") if one not in told] == []
    assert fetch_value(database_dsn, "SELECT count(*) FROM flow") == 0


def test_a_file_that_brings_names_along_is_imported_under_them(headrace: Commands, account: str) -> None:
    """The example carries its metrics, list and template, so that events posted by name start the flow."""
    made = headrace.data("import", str(EXAMPLE), "--create-missing")["made"]
    assert {one["name"] for one in made} == {"Added to Cart", "Placed Order", "Newsletter", "Cart reminder"}


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("welcome-series", {"Newsletter", "Welcome: hello", "Welcome: who we are", "Welcome: what others like"}),
        ("birthday", {"Birthday: a week before", "Birthday: on the day", "Birthday: last call"}),
    ],
)
def test_each_example_runs_as_it_is(headrace: Commands, account: str, name: str, made: set[str]) -> None:
    """It brings along what it names, and is live at once."""
    told = headrace.data("import", str(EXAMPLE.parent / f"{name}.json"), "--create-missing")
    shown = json.loads(headrace.run("export", told["flow_id"]))
    assert made <= {one["name"] for one in told["made"]}
    assert "live" == shown["data"]["attributes"]["status"]


def test_a_second_account_takes_the_same_file(headrace: Commands, account: str) -> None:
    """Ids that another account uses are replaced."""
    other = headrace.data("account", "create", "Other")["account_id"]
    headrace.run("import", str(EXAMPLE), "--create-missing", "--account", account)
    made = headrace.data("import", str(EXAMPLE), "--create-missing", "--account", other)["made"]
    assert len(made) == 4


def test_a_file_without_names_can_be_imported_twice(headrace: Commands, account: str, tmp_path: Path) -> None:
    """What the first import had to make under names of its own is found again by the second."""
    other = headrace.data("account", "create", "Other")["account_id"]
    file = str(bare(tmp_path / "flow.json", json.loads(EXAMPLE.read_text())))
    headrace.run("import", file, "--create-missing", "--account", account)
    first = headrace.data("import", file, "--create-missing", "--account", other)
    second = headrace.data("import", file, "--create-missing", "--account", other)
    assert (4, []) == (len(first["made"]), second["made"])


def test_two_metrics_of_one_name_become_one(headrace: Commands, account: str, tmp_path: Path) -> None:
    """A file may carry a name twice; the account holds it once."""
    document = json.loads(EXAMPLE.read_text())
    for carried in document["included"]:
        if carried["type"] == "metric":
            carried["attributes"] = {"name": "Anything"}
    file = tmp_path / "flow.json"
    file.write_text(json.dumps(document))
    made = headrace.data("import", str(file), "--create-missing")["made"]
    assert ["Anything"] == [one["name"] for one in made if one["kind"] == "metric"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "/data/attributes"),
        ('{"data": {"attributes": {"name": "x"}}}', "definition"),
        (
            '{"data": {"attributes": {"name": "x", "definition": {"triggers": 5}}}}',
            "/data/attributes/definition/triggers",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_place(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path, content: str, told: str
) -> None:
    """The error names the file and the place in it; nothing is written."""
    file = tmp_path / "bad.json"
    file.write_text(content)
    error = headrace.fails("import", str(file), "--create-missing")
    assert str(file) in error
    assert told in error
    assert fetch_value(database_dsn, "SELECT count(*) FROM metric") == 0


def test_a_missing_file_and_an_unknown_flow_are_told(headrace: Commands, account: str) -> None:
    """Errors name the file and the flow."""
    assert "nothing.json cannot be read" in headrace.fails("import", "nothing.json")
    assert "NOPE00" in headrace.fails("export", "NOPE00")


def test_a_segment_that_an_import_makes_is_said_to_rest(headrace: Commands, account: str, tmp_path: Path) -> None:
    """It is inactive and has no rules, so that nobody enters the flow by it; a list that is made needs no such word."""
    wait = {
        "temporary_id": "wait",
        "type": "time-delay",
        "links": {"next": None},
        "data": {"unit": "hours", "value": 1},
    }
    told = []
    for kind in ("segment", "list"):
        flow = {"triggers": [{"type": kind, "id": f"A {kind}"}], "actions": [wait], "entry_action_id": "wait"}
        file = tmp_path / f"{kind}.json"
        attributes = {"name": kind, "definition": {"profile_filter": None, **flow}}
        file.write_text(json.dumps({"data": {"type": "flow", "attributes": attributes}}))
        told.append(headrace.run("import", str(file), "--create-missing"))

    assert [True, False] == ["It is inactive and has no rules" in one for one in told]
    assert [True, False] == [one.startswith("Made segment ") for one in told]


@pytest.mark.parametrize("spelling", ["camel", "snake"])
def test_an_export_with_names_is_made_and_found_by_name_in_another_account(
    headrace: Commands, account: str, tmp_path: Path, spelling: str
) -> None:
    """Metrics, lists and templates come along; the first import makes what is lacking, the second finds it."""
    other = headrace.data("account", "create", "Other")["account_id"]
    first = headrace.data("import", str(EXAMPLE), "--create-missing", "--account", account)["flow_id"]
    file = tmp_path / "flow.json"
    options = ("--account", account, "--spelling", spelling, "--with-names")
    headrace.run("export", first, *options, "--output", str(file))
    made = headrace.data("import", str(file), "--create-missing", "--account", other)
    assert {"Added to Cart", "Placed Order", "Newsletter", "Cart reminder"} == {one["name"] for one in made["made"]}
    assert [] == headrace.data("import", str(file), "--account", other)["made"]
    again = json.loads(headrace.run("export", made["flow_id"], "--account", other, *options[2:]))
    assert contents(json.loads(file.read_text())) == contents(again) == contents(json.loads(EXAMPLE.read_text()))


def contents(document: Any) -> list[Any]:
    """Return name, HTML and text of the templates that a file carries."""
    carried = [one["attributes"] for one in document["included"] if one["type"] == "template"]
    return [(one["name"], one["html"], one["text"]) for one in carried]


def test_a_flow_is_exported_by_its_name(headrace: Commands, account: str) -> None:
    """As every other command takes a flow; one that is not there is named."""
    flow_id = headrace.data("import", str(EXAMPLE), "--create-missing")["flow_id"]
    assert headrace.run("export", flow_id) == headrace.run("export", "Abandoned Cart")
    assert "has no flow 'Nothing'" in headrace.fails("export", "Nothing")


def test_an_export_without_names_carries_none(headrace: Commands, account: str) -> None:
    """The file of the vendor's web app holds nothing beside the flow."""
    flow_id = headrace.data("import", str(EXAMPLE), "--create-missing")["flow_id"]
    assert "included" not in json.loads(headrace.run("export", flow_id))


def test_templates_of_one_name_are_told_apart(
    headrace: Commands, account: str, database_dsn: str, tmp_path: Path
) -> None:
    """Of two templates that share a name and not their content, the second goes by another name."""
    document = json.loads(EXAMPLE.read_text())
    [mail] = [one for one in document["data"]["attributes"]["definition"]["actions"] if one["type"] == "send-email"]
    second = json.loads(json.dumps(mail)) | {"id": "999999", "links": mail["links"]}
    second["data"]["message"] |= {"id": None, "templateId": "Other1"}
    mail["links"] = {"next": "999999"}
    document["data"]["attributes"]["definition"]["actions"].append(second)
    kept = {"name": "Cart reminder", "html": None, "text": "Another"}
    document["included"].append({"type": "template", "id": "Other1", "attributes": kept})
    file = tmp_path / "flow.json"
    file.write_text(json.dumps(document))
    flow_id = headrace.data("import", str(file), "--create-missing")["flow_id"]
    told = contents(json.loads(headrace.run("export", flow_id, "--with-names")))
    assert [("Cart reminder", True), ("Cart reminder ", False)] == [(name[:14], bool(html)) for name, html, _ in told]
    assert "Another" == told[1][2]
