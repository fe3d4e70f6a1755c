"""Signed tokens and the key that signs them."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from headrace.errors import ConfigError
from headrace.ids import RandomIds
from headrace.messages.secrets_file import load_or_create_secret
from headrace.messages.tokens import Kind, Payload, Signer

SIGNER = Signer([(7, b"k" * 32)])
PAYLOAD = Payload(
    Kind.CLICK,
    "AbC123",
    "01GDDKASAP8TKDDA2GRZDSVP4H",
    UUID(int=5),
    "FlOw01",
    "01GMRWDSA0ARTAKE1SFX8JGXAY",
    "https://shop.example.com/é?a=1",
    1_900_000_000,
)
IDS = some.one_of(
    some.text("abcXYZ019", max_size=12),
    some.just("01GDDKASAP8TKDDA2GRZDSVP4H"),
    some.just("ZZZZZZZZZZZZZZZZZZZZZZZZZZ"),
)


@given(
    kind=some.sampled_from(Kind),
    ids=some.tuples(IDS, IDS, IDS, IDS),
    delivery=some.none() | some.uuids(),
    url=some.text(some.characters(exclude_categories=["Cs"]), max_size=60),
    expires_at=some.integers(0, 2**40),
)
def test_what_was_signed_is_read_back(
    kind: Kind, ids: tuple[str, str, str, str], delivery: UUID | None, url: str, expires_at: int
) -> None:
    """A token says what was put in, whatever the lengths."""
    payload = Payload(kind, ids[0], ids[1], delivery, ids[2], ids[3], url, expires_at)
    assert payload == SIGNER.read(SIGNER.sign(payload))


def test_no_changed_character_is_accepted() -> None:
    """Changing any character of a token, or its length, makes it unreadable."""
    token = SIGNER.sign(PAYLOAD)
    changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token))]
    assert [] == [
        text for text in (*changed, token[:-1], token + "A", token + "=", "", "é", "A" * 99999) if SIGNER.read(text)
    ]


def test_a_token_of_another_key_is_refused() -> None:
    """Another installation's key does not sign for this one, even under the same key id."""
    assert SIGNER.read(Signer([(7, b"j" * 32)]).sign(PAYLOAD)) is None


def test_rotation_keeps_old_tokens_readable() -> None:
    """A new key signs, the old one is still read."""
    rotated = Signer([(8, b"n" * 32), (7, b"k" * 32)])
    assert PAYLOAD == rotated.read(SIGNER.sign(PAYLOAD))
    assert SIGNER.read(rotated.sign(PAYLOAD)) is None


def test_a_token_expires_at_its_second() -> None:
    """Only a token with an end expires."""
    end = datetime.fromtimestamp(1_900_000_000, UTC)
    assert (True, False) == (PAYLOAD.expired(end), Payload(Kind.OPEN, "a").expired(end))


def test_an_id_that_does_not_fit_is_refused() -> None:
    """Ids are at most 64 bytes."""
    with pytest.raises(ValueError, match="longer than 64"):
        SIGNER.sign(Payload(Kind.OPEN, "x" * 65))


def test_the_key_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    """The file is made with mode 0600 and read from then on; the folder's mode stays as it was."""
    before = tmp_path.stat().st_mode
    first = load_or_create_secret(tmp_path, RandomIds())
    assert first == load_or_create_secret(tmp_path, RandomIds())
    assert 0o600 == stat.S_IMODE((tmp_path / "secret-key").stat().st_mode)
    assert before == tmp_path.stat().st_mode
    assert ["secret-key"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(("user", "mode"), [(0, 0o755), (1000, 0o700)])
def test_the_folder_of_the_key_may_be_entered_if_root_makes_it(
    user: int, mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An embedded database that root starts later runs as another user in the same folder."""
    monkeypatch.setattr("os.geteuid", lambda: user)
    load_or_create_secret(tmp_path / "new", RandomIds())
    assert mode == stat.S_IMODE((tmp_path / "new").stat().st_mode)


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    """Whoever comes second reads the winner's key."""
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: load_or_create_secret(tmp_path / "new", RandomIds()), range(32)))
    assert 1 == len(set(keys))


def test_a_configured_key_needs_no_file(tmp_path: Path) -> None:
    """HEADRACE_SECRET_KEY holds the keys, the newest first, and an id follows from each key."""
    keys = load_or_create_secret(tmp_path, RandomIds(), "new-key-0123456789, old-key-0123456789")
    assert [b"new-key-0123456789", b"old-key-0123456789"] == [secret for _, secret in keys]
    assert keys[1] == load_or_create_secret(tmp_path, RandomIds(), "old-key-0123456789")[0]
    assert [] == list(tmp_path.iterdir())


def test_a_weak_or_open_key_is_refused(tmp_path: Path) -> None:
    """A short key and a file that others can read are errors of the operator."""
    with pytest.raises(ConfigError, match="too short"):
        load_or_create_secret(tmp_path, RandomIds(), "short")
    load_or_create_secret(tmp_path, RandomIds())
    (tmp_path / "secret-key").chmod(0o644)
    with pytest.raises(ConfigError, match="read by others"):
        load_or_create_secret(tmp_path, RandomIds())
