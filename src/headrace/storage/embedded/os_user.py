"""The operating-system user that PostgreSQL runs as, and running a command as that user.

PostgreSQL refuses to run as root. What is here: choosing (as root: or creating) the unprivileged user, and starting
children as it. What is not: folders (`layout`) and binaries (`binaries`). See docs/decisions/0001-database.md.
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import DatabaseError

ADMIN_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
NAME = "headrace"
STAND_IN_UID = 65534
"""`nobody` on Linux: stands for the server's user in checks made before that user has been created."""
CREATORS = (
    ("useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", NAME),
    ("adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", NAME),
)
"""The command of most distributions, and that of BusyBox."""


@dataclass(frozen=True, slots=True)
class OsUser:
    """A user of the operating system; `dropped` when this process is root and its children become this user."""

    uid: int
    gid: int
    name: str
    dropped: bool

    def take(self, fd: int) -> None:
        """Give an open file, just created by this process, to the user."""
        if self.dropped:
            os.fchown(fd, self.uid, self.gid)

    def take_folder(self, folder: Path) -> None:
        """Give a folder, just created by this process, to the user."""
        if self.dropped:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path = Path("/"),
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        keep: Sequence[int] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the user to its end, in a session of its own so that Ctrl-C does not reach it.

        `env` is added to a bare environment; `keep` names descriptors that the child inherits. Raises `DatabaseError`
        when this process may not become the user, and `OSError` when the command cannot be executed.
        """
        try:
            return subprocess.run(  # noqa: S603 (the launcher's own commands, never through a shell)
                command,
                cwd=cwd,
                env=_bare_environment() | dict(env or {}),
                input=stdin,
                pass_fds=keep,
                user=self.uid if self.dropped else None,
                group=self.gid if self.dropped else None,
                extra_groups=[] if self.dropped else None,
                umask=0o077,
                start_new_session=True,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            if self.dropped and error.errno in (errno.EPERM, errno.EINVAL):
                raise DatabaseError(_cannot_become(self)) from error
            raise

    def can_enter(self, folder: Path) -> bool:
        """Tell whether the user may traverse `folder`, as the system itself judges (modes, groups, access lists)."""
        return self.run(["/bin/sh", "-c", '[ -x "$1" ]', "sh", folder]).returncode == 0


def current() -> OsUser:
    """Return the user of this process."""
    return _known(os.geteuid(), os.getegid(), dropped=False)


def stand_in() -> OsUser:
    """Return, for checks as root before any user is chosen, somebody without rights."""
    return OsUser(STAND_IN_UID, STAND_IN_UID, "nobody", dropped=True)


def owner_of(folder: Path) -> OsUser:
    """Return, as root, the owner of an existing database folder; raises `DatabaseError` when that is root."""
    found = folder.stat()
    if found.st_uid == 0:
        raise DatabaseError(f"{folder} belongs to root, and PostgreSQL refuses to run as root; change its owner")
    return _known(found.st_uid, found.st_gid, dropped=True)


def choose() -> OsUser:
    """Return, as root, the unprivileged user for a new database folder.

    Our choice: `headrace` if it exists, else `postgres`, else a new system user `headrace`, else `nobody`. Users that
    exist come first because creating one is a lasting change of the machine.
    """
    for name in (NAME, "postgres"):
        if (user := _named(name)) is not None:
            return user
    user = _create() or _named("nobody")
    if user is None:
        raise DatabaseError(
            "PostgreSQL refuses to run as root, and the system user 'headrace' cannot be created; "
            "create it, run Headrace as an ordinary user, or set HEADRACE_DATABASE_URL"
        )
    return user


def _create() -> OsUser | None:
    for name, *arguments in CREATORS:
        program = shutil.which(name, path=ADMIN_PATH)
        if program is not None:
            subprocess.run([program, *arguments], capture_output=True, check=False)  # noqa: S603
            if (user := _named(NAME)) is not None:
                return user
    return None


def _named(name: str) -> OsUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return OsUser(entry.pw_uid, entry.pw_gid, name, dropped=True) if entry.pw_uid else None


def _known(uid: int, gid: int, *, dropped: bool) -> OsUser:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return OsUser(uid, gid, str(uid), dropped)
    return OsUser(uid, entry.pw_gid, entry.pw_name, dropped)


def _bare_environment() -> dict[str, str]:
    """Keep PG* variables and locales of the caller away from the server."""
    bare = {"PATH": os.environ.get("PATH", ADMIN_PATH), "LC_ALL": "C", "TZ": "UTC"}
    return bare | {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


def _cannot_become(user: OsUser) -> str:
    return (
        f"this process is root but may not become the user {user.name!r} (uid {user.uid}), and PostgreSQL refuses to "
        "run as root; run Headrace as an ordinary user, or set HEADRACE_DATABASE_URL"
    )
