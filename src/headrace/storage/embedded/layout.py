"""Where the embedded server keeps its files, and making those folders.

What is here: the default data folder, the names inside it, and the rule that no folder which we did not create ever
changes its mode or owner. What is not: what the files hold. See docs/decisions/0001-database.md.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import DatabaseError
from headrace.storage.embedded import os_user
from headrace.storage.embedded.os_user import OsUser

SYSTEM_FOLDER = Path("/var/lib/headrace")
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_LIMIT = 100
"""Bytes of a socket path; the kernel takes 107 on Linux and 103 on macOS."""
AWKWARD = frozenset(",'\"\\%\n\r")
"""Characters of a socket folder that some client or configuration file reads as more than themselves."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths inside one data folder; all but `data_dir` and `binaries` belong to the server's user."""

    data_dir: Path

    @property
    def binaries(self) -> Path:
        """Copies of the PostgreSQL programs, made only when the server's user cannot read the installed ones."""
        return self.data_dir / "binaries"

    @property
    def home(self) -> Path:
        """The folder, mode 0700, of everything that belongs to the server."""
        return self.data_dir / "postgres"

    @property
    def cluster(self) -> Path:
        """What PostgreSQL calls its data directory."""
        return self.home / "data"

    @property
    def password(self) -> Path:
        """The scram password, mode 0600; exists only where root has started the server."""
        return self.home / "password"

    @property
    def start_lock(self) -> Path:
        """Held while a process starts or stops the server."""
        return self.home / "start.lock"

    @property
    def use_lock(self) -> Path:
        """Shared by every process that uses the server: the last one out stops it."""
        return self.home / "use.lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server's own processes, which inherit it, as long as one of them lives."""
        return self.home / "server.lock"

    @property
    def start_log(self) -> Path:
        """What PostgreSQL said before its own log files in `log/` were open."""
        return self.home / "start.log"


def default_data_dir() -> Path:
    """Return `~/.local/share/headrace`; as root, `/var/lib/headrace` when the server's user cannot enter the former."""
    folder = Path.home() / ".local" / "share" / "headrace"
    if os.geteuid() != 0 or os_user.stand_in().can_enter(_existing(folder)):
        return folder
    return SYSTEM_FOLDER


def prepare(data_dir: Path) -> tuple[Layout, OsUser]:
    """Make the folders that are missing and return the paths with the user that the server runs as.

    Raises `DatabaseError` when a folder cannot be made or cannot be entered by that user.
    """
    layout = Layout(data_dir.expanduser().resolve())
    try:
        user = _user_of(layout)
        _check_reach(layout, user)
        _make(layout.data_dir, 0o755 if user.dropped else 0o700)
        _make_home(layout, user)
    except OSError as error:
        raise DatabaseError(f"the data folder {layout.data_dir} cannot be used: {error}") from error
    return layout, user


def socket_folder(layout: Layout, user: OsUser) -> Path:
    """Return an existing private folder for the socket whose path is short and plain enough.

    Our choice: inside the data folder, else below `/run` (root) or `/tmp`; not below XDG_RUNTIME_DIR, which disappears
    at log-out while a server in the background lives on.
    """
    folder = layout.home / "socket"
    path = os.fsencode(folder / SOCKET_NAME)
    if len(path) > SOCKET_LIMIT or AWKWARD.intersection(str(folder)):
        folder = _runtime_folder(layout, user)
    if not folder.exists():
        folder.mkdir(mode=0o700)
        user.take_folder(folder)
    return folder if _is_private(folder, user) else _new_runtime_folder(user)


def write_private(path: Path, text: str, user: OsUser) -> None:
    """Replace a file, in one step, by one of mode 0600 that belongs to the user."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        user.take(fd)
        file.write(text)
        file.flush()
        os.fsync(fd)
    fresh.replace(path)


def _user_of(layout: Layout) -> OsUser:
    if os.geteuid() != 0:
        return os_user.current()
    return os_user.owner_of(layout.home) if layout.home.exists() else os_user.choose()


def _check_reach(layout: Layout, user: OsUser) -> None:
    there = _existing(layout.data_dir)
    if user.dropped and not user.can_enter(there):
        ours = there.is_relative_to(SYSTEM_FOLDER)
        remedy = f"run chmod 755 {there}" if ours else f"choose a folder that user can enter, such as {SYSTEM_FOLDER}"
        raise DatabaseError(
            f"the data folder {layout.data_dir} cannot be used as root: PostgreSQL runs as the user {user.name!r}, who "
            f"may not enter {there}; {remedy}"
        )


def _existing(folder: Path) -> Path:
    """Return the folder itself or its nearest ancestor that exists."""
    while not folder.exists():
        folder = folder.parent
    return folder


def _make(folder: Path, mode: int) -> None:
    """Create a folder and the missing ones above it; those that exist stay as they are."""
    if folder.is_dir():
        return
    _make(folder.parent, mode)
    try:
        folder.mkdir(mode=mode)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return
    folder.chmod(mode)  # ours since the line above; the umask may have taken away what the server's user needs


def _make_home(layout: Layout, user: OsUser) -> None:
    """Create the server's folder under another name first: a kill in between leaves none with the wrong owner."""
    if not layout.home.exists():
        fresh = Path(tempfile.mkdtemp(prefix="postgres-", dir=layout.data_dir))
        user.take_folder(fresh)
        try:
            fresh.rename(layout.home)
        except OSError:
            fresh.rmdir()  # another process was first
    owner = layout.home.stat().st_uid
    if owner != user.uid:
        raise DatabaseError(f"{layout.home} belongs to the user with id {owner}; run Headrace as that user or as root")


def _runtime_folder(layout: Layout, user: OsUser) -> Path:
    base = next(path for path in _runtime_bases(user) if path.is_dir())
    name = hashlib.blake2b(os.fsencode(layout.cluster), digest_size=6).hexdigest()
    return base / f"headrace-{user.uid}-{name}"


def _new_runtime_folder(user: OsUser) -> Path:
    """Somebody else sits on our name: take one that nobody could foresee. Clients learn it from `postmaster.pid`."""
    folder = Path(tempfile.mkdtemp(prefix="headrace-", dir="/tmp"))
    user.take_folder(folder)
    return folder


def _runtime_bases(user: OsUser) -> tuple[Path, ...]:
    public = (Path("/tmp"), Path(tempfile.gettempdir()))  # noqa: S108
    return (Path("/run"), *public) if user.dropped else public


def _is_private(folder: Path, user: OsUser) -> bool:
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == user.uid and not found.st_mode & 0o077
