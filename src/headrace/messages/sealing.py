"""Sealing what the installation must be able to read again: secrets of others, such as those that sign webhooks.

What is here: sealing and opening. What is not: the keys (`secrets_file`, by way of `tokens.Signer`). Source: DESIGN
section 8, "Secrets".

A sealed secret is

    format 1 (1) | key id (1) | nonce (12) | AES-256-GCM over the text, with its owner as associated data

so that one that was copied to another owner does not open. The first key seals, all open: rotation keeps old keys.
"""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headrace.ids import IdSource
from headrace.messages.tokens import Signer

FORMAT = 1
NONCE = 12
HEAD = 2


class Sealer:
    """Seals with the first of the installation's keys and opens with all of them."""

    __slots__ = ("_keys",)

    def __init__(self, signer: Signer) -> None:
        """Take what signs tokens: its keys, derived anew for this purpose, seal."""
        self._keys = tuple((key_id, AESGCM(key)) for key_id, key in signer.keys_for("sealing 1"))

    def seal(self, text: str, owner: str, ids: IdSource) -> bytes:
        """Return a text sealed for an owner, such as a webhook's id."""
        key_id, key = self._keys[0]
        nonce = hashlib.sha256(ids.secret().encode()).digest()[:NONCE]
        return bytes((FORMAT, key_id)) + nonce + key.encrypt(nonce, text.encode(), owner.encode())

    def open(self, sealed: bytes, owner: str) -> str | None:
        """Return what was sealed for an owner, None where no key opens it or it was changed."""
        if sealed[:1] != bytes((FORMAT,)):
            return None
        nonce, secret = sealed[HEAD : HEAD + NONCE], sealed[HEAD + NONCE :]
        for key_id, key in self._keys:
            if sealed[1:HEAD] == bytes((key_id,)):
                try:
                    return key.decrypt(nonce, secret, owner.encode()).decode()
                except (InvalidTag, ValueError):
                    continue
        return None
