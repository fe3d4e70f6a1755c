"""The embedded server as root and as an ordinary user: whose processes, whose files, and no mode ever changed."""

import os
import shutil
from pathlib import Path

import pytest
from launching import QUICK, ask, below, give, in_fork, modes, ordinary_uid, pid_file, postmaster

from headrace.errors import DatabaseError
from headrace.storage import embedded
from headrace.storage.embedded import binaries, layout, os_user

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a server as somebody else")


@pytest.fixture
def reachable_programs(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that an ordinary user can run even when the virtual environment of root's tests is closed to it."""
    user = os_user.stand_in() if os.geteuid() == 0 else os_user.current()
    folder = binaries.usable(user, open_folder / "programs").folder
    monkeypatch.setattr(binaries, "find", lambda: folder)
    return folder


def test_an_ordinary_user_with_a_closed_home_gets_a_server_and_no_mode_changes(
    open_folder: Path, reachable_programs: Path
) -> None:
    """HOME has mode 0700; the default data folder lies in it; the server knows its user without a password."""
    uid = ordinary_uid()
    home = give(open_folder / "ordinary", uid)
    before = modes(home, reachable_programs)

    def work() -> object:
        with embedded.running(tuning=QUICK) as server:
            user = ask(server.dsn, "SELECT current_user::text")
            return [
                str(server.data_dir),
                server.dsn.partition("@")[0],
                user,
                pid_file(server).stat().st_uid,
            ]

    answer = in_fork(work, uid=uid, home=home)
    assert answer == [str(home / ".local/share/headrace"), "postgresql://headrace", "headrace", uid]
    assert modes(home, reachable_programs) == before
    assert (home / ".local/share/headrace").stat().st_mode & 0o777 == 0o700


@as_root
def test_root_with_a_closed_home_keeps_its_data_in_the_system_folder(
    open_folder: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's user could not enter HOME, and HOME is not opened for it."""
    home = give(open_folder / "root-home", 0)
    before = modes(home, data_dir.parent, binaries.find())
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(layout, "SYSTEM_FOLDER", data_dir)
    with embedded.running(tuning=QUICK) as server:
        assert server.data_dir == data_dir
        assert pid_file(server).stat().st_uid not in (0, os.geteuid())
        assert ask(server.dsn, "SELECT 1") == 1
    assert modes(home, data_dir.parent, binaries.find()) == before
    assert list(below(home)) == []


@as_root
def test_root_with_an_open_home_keeps_its_data_in_it(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default folder is the same for everybody as long as it can be."""
    monkeypatch.setenv("HOME", str(data_dir.parent))
    assert embedded.default_data_dir() == data_dir.parent / ".local/share/headrace"


@as_root
def test_the_password_of_a_server_that_root_started_is_private_and_needed(data_dir: Path) -> None:
    """It lies in a file of mode 0600, and an address without it is refused."""
    with embedded.running(data_dir, tuning=QUICK) as server:
        file = data_dir / "postgres" / "password"
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_text().strip() in server.dsn
        assert file.read_text().strip() not in repr(server)
        with pytest.raises(Exception, match="password"):
            ask(server.dsn.replace(file.read_text().strip(), "wrong"), "SELECT 1")


@as_root
def test_a_lost_password_file_is_replaced_at_the_next_start(data_dir: Path) -> None:
    """Losing it costs nothing: root sets another one before the server is open to anybody."""
    with embedded.running(data_dir, tuning=QUICK) as server:
        old = server.dsn
    (data_dir / "postgres" / "password").unlink()
    with embedded.running(data_dir, tuning=QUICK) as server:
        assert server.dsn != old
        assert ask(server.dsn, "SELECT 1") == 1


@as_root
def test_a_folder_that_the_servers_user_cannot_enter_is_refused_untouched(open_folder: Path) -> None:
    """The message names the user, the folder in the way and a place that works; nothing is created."""
    closed = give(open_folder / "closed", 0)
    with pytest.raises(DatabaseError, match=f"who may not enter {closed}; choose .* such as /var/lib/headrace"):
        embedded.start(closed / "data")
    assert list(below(closed)) == []
    assert closed.stat().st_mode & 0o777 == 0o700


def test_programs_that_the_servers_user_cannot_run_are_copied(
    open_folder: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment that is closed (root) or lost its execute bits stays so; copies in the data folder run."""
    source = binaries.find()
    closed = open_folder / "closed-programs"
    shutil.copytree(source / "bin", closed / binaries.PACKAGE / source.name / "bin")
    for part in ("lib", "share"):
        (closed / binaries.PACKAGE / source.name / part).symlink_to(source / part)
    (closed / f"{binaries.PACKAGE}.libs").symlink_to(source.parent.parent / f"{binaries.PACKAGE}.libs")
    for program in (closed / binaries.PACKAGE / source.name / "bin").iterdir():
        program.chmod(0o600)
    before = modes(*below(closed))
    monkeypatch.setattr(binaries, "find", lambda: closed / binaries.PACKAGE / source.name)
    with embedded.running(data_dir, tuning=QUICK) as server:
        assert Path(f"/proc/{postmaster(server)}/exe").readlink().is_relative_to(data_dir / "binaries")
        assert ask(server.dsn, "SELECT 1") == 1
    assert modes(*below(closed)) == before


@as_root
def test_root_and_the_owner_of_the_folder_share_one_server(
    data_dir: Path, open_folder: Path, reachable_programs: Path
) -> None:
    """Root joins the server of a folder as its owner would, and the owner joins root's."""
    uid = ordinary_uid()
    data_dir.mkdir(mode=0o755)
    os.chown(data_dir, uid, -1)

    def use() -> object:
        with embedded.running(data_dir, tuning=QUICK) as server:
            return [server.started, ask(server.dsn, "SELECT 1")]

    assert in_fork(use, uid=uid, home=data_dir) == [True, 1]
    with embedded.running(data_dir, tuning=QUICK) as server:
        assert pid_file(server).stat().st_uid == uid
        assert in_fork(use, uid=uid, home=data_dir) == [False, 1]
        assert ask(server.dsn, "SELECT 1") == 1


def test_existing_users_are_preferred_to_creating_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`headrace`, then `postgres`, then a new `headrace`, then `nobody`."""
    known = {"nobody", "postgres", "headrace"}
    monkeypatch.setattr(os_user, "_named", lambda name: os_user.OsUser(9, 9, name, True) if name in known else None)
    monkeypatch.setattr(os_user, "CREATORS", (("mkdir", str(tmp_path / "created")),))
    chosen = []
    for gone in ("headrace", "postgres", "nobody"):
        chosen.append(os_user.choose().name)
        assert not (tmp_path / "created").exists()
        known.discard(gone)
        if gone == "postgres":
            break
    chosen.append(os_user.choose().name)
    assert (tmp_path / "created").exists()
    assert chosen == ["headrace", "postgres", "nobody"]
