"""One PostgreSQL data directory: making it, starting its server and shutting that down.

What is here: `initdb`, `pg_ctl start`, the signals of a shutdown and the state that a kill leaves behind. What is not:
agreeing with other processes on who does it (`__init__`). See docs/decisions/0001-database.md.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.clock import stopwatch
from headrace.errors import DatabaseError
from headrace.ids import RandomIds
from headrace.storage.embedded import settings
from headrace.storage.embedded.binaries import Binaries
from headrace.storage.embedded.layout import SOCKET_NAME, Layout, socket_folder, write_private
from headrace.storage.embedded.locks import Lock, wait_lock
from headrace.storage.embedded.os_user import OsUser

START_WAIT = 30
"""Seconds that `pg_ctl` waits; a longer recovery is then watched by the caller."""
FAST_LIMIT = 120.0
IMMEDIATE_LIMIT = 20.0
SWEEP_LIMIT, SWEEP_PAUSE = 5.0, 0.05
"""Seconds in which an `initdb` without its starter notices that its folder is gone, and between two attempts."""
NO_SUCH_PID = 2_147_483_647
"""Beyond what any kernel gives out."""
PASSING = ("lock file", "shared memory block", "did not start in time", "could not bind")
"""What PostgreSQL says while the remains of a killed server are still dying, or while it recovers."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a server was not ready: the last words of PostgreSQL."""

    text: str

    @property
    def passing(self) -> bool:
        """Tell whether trying again may help."""
        return any(phrase in self.text for phrase in PASSING)


def initialize(layout: Layout, user: OsUser, binaries: Binaries, tuning: Mapping[str, str]) -> None:
    """Make the data directory if it is missing, complete or not at all, whenever this process is killed."""
    for leftover in layout.home.glob("initdb-*"):
        _sweep(leftover)
    if layout.cluster.exists():
        _check_version(layout, binaries)
        return
    fresh = Path(tempfile.mkdtemp(prefix="initdb-", dir=layout.home))
    user.take_folder(fresh)
    answer = user.run(_initdb(binaries, fresh / "data", tuning), cwd=layout.home)
    if answer.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise DatabaseError(f"initdb failed in {layout.home}: {_last_lines(answer.stderr or answer.stdout)}")
    with (fresh / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(settings.INCLUDES)
    write_private(fresh / "data" / "local.conf", settings.LOCAL, user)
    (fresh / "data").rename(layout.cluster)
    fresh.rmdir()


def _sweep(leftover: Path) -> None:
    """Remove what a killed starter left; its `initdb` may live on and write there until it finds nothing left."""
    end = stopwatch() + SWEEP_LIMIT
    while leftover.exists() and stopwatch() < end:
        shutil.rmtree(leftover, ignore_errors=True)
        if leftover.exists():
            time.sleep(SWEEP_PAUSE)


def launch(layout: Layout, user: OsUser, binaries: Binaries, tuning: Mapping[str, str], lock: Lock) -> Failure | None:
    """Start the server, which inherits `lock`, and wait until it is ready; None when it is."""
    retire_stale_pid(layout)
    _configure(layout, user, tuning)
    if user.dropped and (failure := _ensure_password(layout, user, binaries)) is not None:
        return failure
    layout.start_log.unlink(missing_ok=True)
    # PGDATA and a bare log name, not -D and a path: pg_ctl hands its arguments to a shell.
    command = [str(binaries.program("pg_ctl")), "start", "-w", "-t", str(START_WAIT), "-l", layout.start_log.name]
    answer = user.run(command, cwd=layout.home, env={"PGDATA": str(layout.cluster)}, keep=[lock.fileno()])
    return None if answer.returncode == 0 else Failure(f"{_last_lines(answer.stderr)}; {logged(layout)}")


def dismiss_orphans(layout: Layout) -> None:
    """End the processes whose server was killed: one that computes notices it late, and bars a new server till then."""
    lines = _pid_file(layout)
    if lines and _is_server(_number(lines[0]), layout):
        return
    for entry in Path("/proc").glob("[0-9]*"):
        if _is_server(int(entry.name), layout):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGQUIT)


def shut_down(layout: Layout, user: OsUser) -> None:
    """Shut the server down fast (clients are cut off, nothing committed is lost) and wait until all of it is gone.

    Raises `DatabaseError` when it does not go.
    """
    socket = running_socket(layout)
    for number, limit in ((signal.SIGINT, FAST_LIMIT), (signal.SIGQUIT, IMMEDIATE_LIMIT)):
        _signal(layout, number)
        lock = wait_lock(layout.server_lock, user, limit)
        if lock is not None:
            lock.release()
            _forget(socket, layout)
            return
    raise DatabaseError(f"the PostgreSQL server in {layout.home} does not stop")


def running_socket(layout: Layout) -> Path | None:
    """Return the socket folder that `postmaster.pid` names, or None when no server has left word."""
    lines = _pid_file(layout)
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def password(layout: Layout) -> str | None:
    """Return the role's password where there is one; raises `DatabaseError` when its file cannot be read."""
    try:
        return layout.password.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DatabaseError(f"the password file {layout.password} cannot be read: {error.strerror}") from error


def retire_stale_pid(layout: Layout) -> None:
    """Make a dead server's `postmaster.pid` harmless when its number now belongs to a zombie or another program.

    PostgreSQL takes any living process of that number for a server. Only the number is replaced: the rest lets
    PostgreSQL check that no backend still uses the old shared memory.
    """
    lines = _pid_file(layout)
    if not lines or _is_server(_number(lines[0]), layout):
        return
    path = layout.cluster / "postmaster.pid"
    path.write_text("\n".join([str(NO_SUCH_PID), *lines[1:]]) + "\n", encoding="utf-8", errors="surrogateescape")


def logged(layout: Layout) -> str:
    """Return the last lines that the server wrote, as one line."""
    files = [*sorted(layout.home.glob("log/*.log"), key=lambda file: file.stat().st_mtime)[-1:], layout.start_log]
    return _last_lines("".join(file.read_text(errors="replace") for file in files if file.is_file()))


def _initdb(binaries: Binaries, target: Path, tuning: Mapping[str, str]) -> list[str | Path]:
    """Our choice: collation C (fast, the same everywhere) with Unicode-aware upper and lower case where 17+ has it."""
    command: list[str | Path] = [binaries.program("initdb"), "--pgdata", target, f"--username={settings.ROLE}"]
    command += ["--auth-local=peer", "--auth-host=reject", "--encoding=UTF8", "--locale=C", "--no-instructions"]
    if binaries.major >= 17:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return [*command, "--no-sync"] if tuning.get("fsync") == "off" else command


def _check_version(layout: Layout, binaries: Binaries) -> None:
    found = (layout.cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
    if found != str(binaries.major):
        raise DatabaseError(
            f"{layout.cluster} was made by PostgreSQL {found}, but the installed one is {binaries.major}; dump it with "
            f"version {found} and restore the dump, or serve it by a server that HEADRACE_DATABASE_URL names"
        )


def _configure(layout: Layout, user: OsUser, tuning: Mapping[str, str]) -> None:
    """Write the files that decide how the server runs and who may come in; its lock proves that none is running."""
    socket = socket_folder(layout, user)
    (socket / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
    text = settings.configuration(socket, settings.machine_memory(), tuning)
    write_private(layout.cluster / "headrace.conf", text, user)
    write_private(layout.cluster / "pg_hba.conf", settings.host_rules(user), user)
    write_private(layout.cluster / "pg_ident.conf", settings.user_map(user), user)


def _ensure_password(layout: Layout, user: OsUser, binaries: Binaries) -> Failure | None:
    """Give the role a password, in single-user mode, where none is on file: no moment of open access."""
    if password(layout) is not None:
        return None
    secret = RandomIds().secret()
    command = [str(binaries.program("postgres")), "--single", "-D", str(layout.cluster), "postgres"]
    answer = user.run(command, cwd=layout.home, stdin=f"ALTER ROLE {settings.ROLE} PASSWORD '{secret}'\n")
    if answer.returncode != 0 or "ERROR" in answer.stderr:
        return Failure(f"no password could be set; {_last_lines(answer.stderr)}")
    write_private(layout.password, secret + "\n", user)
    return None


def _forget(socket: Path | None, layout: Layout) -> None:
    """Remove a socket folder outside the data folder; one that is not empty stays."""
    if socket is not None and socket.parent != layout.home:
        with contextlib.suppress(OSError):
            socket.rmdir()


def _signal(layout: Layout, number: signal.Signals) -> None:
    lines = _pid_file(layout)
    if lines and _is_server(_number(lines[0]), layout):
        os.kill(_number(lines[0]), number)


def _pid_file(layout: Layout) -> list[str]:
    try:
        return (layout.cluster / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []


def _number(line: str) -> int:
    """A single-user server writes its number with a minus sign."""
    digits = line.strip().lstrip("-")
    return int(digits) if digits.isdigit() else NO_SUCH_PID


def _is_server(pid: int, layout: Layout) -> bool:
    """Tell whether a living process of that number is a server on this data directory, which is its working folder."""
    if not Path("/proc/self/cwd").exists():
        return pid != NO_SUCH_PID  # no /proc on this system: believe the file, as PostgreSQL does
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == layout.cluster
    except OSError:
        return False


def _last_lines(text: str) -> str:
    return " | ".join(line.strip() for line in text.splitlines()[-6:] if line.strip())
