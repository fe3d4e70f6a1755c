"""The folder of images: one file per content and account, named by the content's SHA-256.

What is here: writing and finding files. What is not: what is known of an image (`images`), and serving files. A file is
written under another name, synced, and given its name only then; the row that needs it is committed after that, so a
crash leaves at most a file that nobody asks for. A file never changes.
Our choice: files of several machines are shared by a folder that all of them see (HEADRACE_MEDIA_DIR).
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import ConfigError
from headrace.ids import IdSource

FORMATS = ("gif", "jpeg", "png")
"""The formats that are taken. Source: the published operations on images."""
ACCOUNT = re.compile(r"[A-Za-z0-9]{1,32}")
NAME = re.compile(rf"([0-9a-f]{{64}})\.({'|'.join(FORMATS)})")


@dataclass(frozen=True, slots=True)
class MediaFolder:
    """Where images lie; it is made when the first is written."""

    path: Path
    ids: IdSource

    def write(self, account_id: str, content: bytes, kind: str) -> bytes:
        """Keep a file and return its SHA-256, whether it was there already or not.

        This blocks; raises `ConfigError` where the folder cannot be written.
        """
        digest = hashlib.sha256(content).digest()
        path = self.path / account_id / file_name(digest, kind)
        try:
            if not path.exists():
                self._create(path, content)
            _sync(path.parent)  # by whomever it was written
        except OSError as error:
            raise ConfigError(f"images cannot be kept in {self.path}: {error.strerror}") from error
        return digest

    def find(self, account_id: str, name: str) -> Path | None:
        """Return the file of an account with a name that `file_name` made, None where there is none. This blocks."""
        if not ACCOUNT.fullmatch(account_id) or not NAME.fullmatch(name):
            return None
        path = self.path / account_id / name
        return path if path.is_file() else None

    def _create(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{self.ids.secret(6)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            _sync(self.path)
        finally:
            draft.unlink(missing_ok=True)


def file_name(digest: bytes, kind: str) -> str:
    """Return the name of a file, which nobody guesses who does not have its content."""
    return f"{digest.hex()}.{kind}"


def _sync(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
