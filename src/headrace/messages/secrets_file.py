"""The installation's key: `HEADRACE_SECRET_KEY`, or one random key in a file that only its owner can read.

What is here: finding or making the keys. What is not: what they sign (`tokens.py`). Source: DESIGN section 8.

Keys are rotated by putting a new one in front: in the file one key a line, in the variable separated by commas. The
first signs, all are accepted. A key's id is derived from the key, so nobody has to number them.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from headrace.errors import ConfigError
from headrace.ids import IdSource

FILE_NAME = "secret-key"
SHORTEST = 16

Keys = tuple[tuple[int, bytes], ...]
"""(key id, secret), the signing one first, as `Signer` takes them."""


def load_or_create_secret(data_dir: Path, ids: IdSource, configured: str | None = None) -> Keys:
    """Return the keys of this installation, making one when there is none yet.

    Two processes that start at once agree: the file appears in one piece, and whoever comes second reads it. Raises
    `ConfigError` for a key that is too short and for a file that others can read.
    """
    if configured:
        return _keys(configured.split(","), "HEADRACE_SECRET_KEY")
    path = data_dir / FILE_NAME
    if not path.exists():
        _create(path, ids)
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path} can be read by others; run chmod 600 on it, or replace the key if it may be known")
    return _keys(path.read_text(encoding="utf-8").splitlines(), str(path))


def _create(path: Path, ids: IdSource) -> None:
    # As root the folder stays open to enter: an embedded database of a later start runs as another user in it.
    path.parent.mkdir(parents=True, mode=0o755 if os.geteuid() == 0 else 0o700, exist_ok=True)
    draft = path.with_name(f"{FILE_NAME}.{os.getpid()}.{ids.secret(6)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(ids.secret(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> None:
    """Give the finished file its name, unless another process was first (a link never replaces)."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return


def _keys(lines: list[str], source: str) -> Keys:
    secrets = [line.strip().encode() for line in lines if line.strip()]
    if not secrets:
        raise ConfigError(f"{source} holds no key")
    if any(len(secret) < SHORTEST for secret in secrets):
        raise ConfigError(f"{source} holds a key that is too short; it must have at least {SHORTEST} characters")
    return tuple((hashlib.sha256(b"headrace key id" + secret).digest()[0], secret) for secret in secrets)
