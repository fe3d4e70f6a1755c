"""`headrace account` and `headrace key`."""

import pytest
from commands import Commands
from typer.testing import CliRunner

from headrace.cli import app


def test_a_new_account_is_listed(headrace: Commands) -> None:
    """What `account create` makes, `account list` shows."""
    made = headrace.data("account", "create", "Shop", "--timezone", "Europe/Berlin", "--currency", "EUR")
    assert headrace.data("account", "list") == [made]
    assert (made["name"], made["timezone"], made["currency"], made["clock"]) == (
        "Shop",
        "Europe/Berlin",
        "EUR",
        "system",
    )


def test_an_account_can_have_a_clock_of_its_own(headrace: Commands) -> None:
    """With --virtual-clock the account's time stands where it is told to."""
    made = headrace.data("account", "create", "Shop", "--virtual-clock", "2026-03-01T00:00:00+00:00")
    assert made["clock"] == "virtual"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("Shop", "--timezone", "Mars/Olympus"), "'Mars/Olympus' is not an IANA time zone"),
        (("Shop", "--currency", "euro"), "'euro' is not a currency code"),
        ((" ",), "the account's name is empty"),
        (("Shop", "--sender-email", "nobody"), "'nobody' is not an e-mail address"),
        (("Shop", "--virtual-clock", "tomorrow"), "'tomorrow' is not an ISO 8601 time"),
        (("Shop", "--virtual-clock", "2026-03-01T00:00:00"), "has no offset"),
    ],
)
def test_a_bad_account_is_refused_by_name_value_and_rule(
    headrace: Commands, arguments: tuple[str, ...], told: str
) -> None:
    """Nothing is made of a bad account."""
    assert told in headrace.fails("account", "create", *arguments)
    assert headrace.data("account", "list") == []


def test_a_key_is_shown_once_listed_and_revoked(headrace: Commands, account: str) -> None:
    """`key create` prints the key, `key list` only its id, and `key revoke` ends it."""
    made = headrace.data("key", "create", "--scopes", "flows:read,events:write", "--name", "test")
    [listed] = headrace.data("key", "list")
    headrace.run("key", "revoke", made["key_id"])
    [after] = headrace.data("key", "list")
    assert made["key"].startswith("pk_")
    assert (listed["scopes"], listed["revoked_at"], "key" in listed) == (["events:write", "flows:read"], None, False)
    assert after["revoked_at"] is not None


def test_a_read_only_key_gets_every_read_scope_of_the_public_api(headrace: Commands, account: str) -> None:
    """`read-only` holds no writing scope and none of Headrace's own."""
    scopes = headrace.data("key", "create", "--scopes", "read-only")["scopes"]
    assert {"flows:read", "profiles:read", "events:read"} <= set(scopes)
    assert [one for one in scopes if not one.endswith(":read") or one.startswith("headrace:")] == []


def test_an_unknown_scope_is_refused_and_the_known_ones_told(headrace: Commands, account: str) -> None:
    """The error names the scope and lists what there is."""
    told = headrace.fails("key", "create", "--scopes", "flows:fly")
    assert "there is no scope 'flows:fly'" in told
    assert "flows:read" in told


def test_revoking_an_unknown_key_is_refused(headrace: Commands, account: str) -> None:
    """The error names the account and the key."""
    assert headrace.fails("key", "revoke", "nokey1") == f"account {account} has no live key 'nokey1'"


def test_a_command_says_how_to_make_the_first_account(headrace: Commands) -> None:
    """Without any account the error tells the command that makes one."""
    assert "headrace account create" in headrace.fails("key", "list")


def test_with_several_accounts_one_must_be_named(headrace: Commands, account: str) -> None:
    """The only account is meant by itself; of two, one must be said."""
    headrace.run("account", "create", "Another")
    assert headrace.fails("key", "list") == "there are 2 accounts; say which one by --account ID"
    assert headrace.data("key", "list", "--account", account) == []
    assert "there is no account 'NOPE00'" in headrace.fails("key", "list", "--account", "NOPE00")


def test_migrating_twice_changes_nothing(headrace: Commands) -> None:
    """`headrace migrate` names the revision of the schema, again and again."""
    assert headrace.run("migrate") == headrace.run("migrate") == "The schema is at revision 0004.\n"


def test_a_database_address_of_another_kind_is_refused(headrace: Commands) -> None:
    """The address is told without a traceback."""
    elsewhere = Commands({**headrace.environment, "HEADRACE_DATABASE_URL": "mysql://root@localhost/shop"})
    assert "the database cannot be reached or migrated: invalid DSN" in elsewhere.fails("account", "list")


@pytest.mark.parametrize("command", ["up", "serve", "demo"])
def test_a_port_that_cannot_be_is_refused(command: str) -> None:
    """Before anything starts, with the range."""
    result = CliRunner().invoke(app, [command, "--port", "99999"])
    assert (2, True) == (result.exit_code, "65535" in result.output)
