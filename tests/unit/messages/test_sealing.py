"""Sealing secrets of others with the installation's keys."""

from __future__ import annotations

import pytest

from headrace.ids import SeededIds
from headrace.messages.sealing import Sealer
from headrace.messages.tokens import Signer

OLD, NEW = (7, b"an old key of this installation."), (9, b"a new key of this installation.!")
IDS = SeededIds(3)


def test_what_was_sealed_opens_for_its_owner_only() -> None:
    """Another owner, another installation and another purpose's format open nothing."""
    sealed = Sealer(Signer([OLD])).seal("s€cret", "H1", IDS)
    assert "s€cret" == Sealer(Signer([OLD])).open(sealed, "H1")
    assert None is Sealer(Signer([OLD])).open(sealed, "H2")
    assert None is Sealer(Signer([(7, b"the key of another installation.")])).open(sealed, "H1")
    assert None is Sealer(Signer([OLD])).open(b"\x02" + sealed[1:], "H1")
    assert b"cret" not in sealed


def test_two_secrets_are_never_sealed_alike() -> None:
    """Nobody sees that two webhooks share a secret."""
    sealer = Sealer(Signer([OLD]))
    assert sealer.seal("secret", "H1", IDS) != sealer.seal("secret", "H1", IDS)


def test_a_new_key_in_front_seals_and_old_ones_open() -> None:
    """Rotation: what was sealed before opens while the old key is kept, and no longer when it is gone."""
    before = Sealer(Signer([OLD])).seal("secret", "H1", IDS)
    both, only_new = Sealer(Signer([NEW, OLD])), Sealer(Signer([NEW]))
    assert ("secret", None) == (both.open(before, "H1"), only_new.open(before, "H1"))
    assert "secret" == only_new.open(both.seal("secret", "H1", IDS), "H1")


def test_keys_that_share_an_id_are_told_apart() -> None:
    """An id has one byte only."""
    sealed = Sealer(Signer([OLD])).seal("secret", "H1", IDS)
    assert "secret" == Sealer(Signer([(7, NEW[1]), OLD])).open(sealed, "H1")


@pytest.mark.parametrize("at", [0, 1, 2, 13, 14, -1])
def test_a_changed_byte_opens_nothing(at: int) -> None:
    """Wherever it is."""
    sealer = Sealer(Signer([OLD]))
    sealed = bytearray(sealer.seal("secret", "H1", IDS))
    sealed[at] ^= 1
    assert None is sealer.open(bytes(sealed), "H1")
    assert None is sealer.open(bytes(sealed[:3]), "H1")
