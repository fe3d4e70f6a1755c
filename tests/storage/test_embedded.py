"""The embedded server: who starts it, who joins, who stops it, and what a kill leaves behind."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from launching import QUICK, ask, child, leave, pid_file, postmaster, said, until

from headrace.errors import DatabaseError
from headrace.storage import embedded
from headrace.storage.embedded import binaries, settings

GIBIBYTE = 1 << 30


def test_the_first_start_makes_a_durable_server_with_an_empty_database(data_dir: Path) -> None:
    """Nothing but a free path is needed, and nothing acknowledged can be lost."""
    with embedded.running(data_dir) as server:
        assert server.started is True
        assert ask(server.dsn, "SELECT current_database()") == "headrace"
        assert ask(server.dsn, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        shown = [ask(server.dsn, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "TimeZone")]
        assert shown == ["on", "on", "UTC"]


def test_the_server_is_reached_by_its_socket_only_and_trusts_nobody(data_dir: Path) -> None:
    """No port is opened, and no rule lets anybody in unasked."""
    with embedded.running(data_dir, tuning=QUICK) as server:
        assert ask(server.dsn, "SHOW listen_addresses") == ""
        methods = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
        assert ask(server.dsn, methods) == ("scram-sha-256" if os.geteuid() == 0 else "peer")


def test_the_last_user_stops_the_server_whoever_started_it(data_dir: Path) -> None:
    """The process that started it may leave first; the other keeps its database."""
    first = embedded.start(data_dir, tuning=QUICK)
    second = embedded.start(data_dir)
    assert (first.started, second.started) == (True, False)
    embedded.stop(first)
    embedded.stop(first)
    assert ask(second.dsn, "SELECT 1") == 1
    embedded.stop(second)
    assert not pid_file(second).exists()


def test_processes_that_start_at_once_share_one_server(data_dir: Path) -> None:
    """One of them starts it, the others join, and nothing is left when all have gone."""
    children = [child(data_dir) for _ in range(3)]
    assert sorted(said(process) for process in children) == ["joined", "joined", "started"]
    assert [leave(process) for process in children] == [0, 0, 0]
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()


def test_an_acknowledged_row_outlives_a_killed_server(data_dir: Path) -> None:
    """After kill -9 of PostgreSQL the next start recovers, at once and with every committed row."""
    server = embedded.start(data_dir)
    ask(server.dsn, "CREATE TABLE kept AS SELECT 7 AS value")
    os.kill(postmaster(server), signal.SIGKILL)
    with embedded.running(data_dir) as again:
        assert again.started is True
        assert ask(again.dsn, "SELECT value FROM kept") == 7
        embedded.stop(server)
        assert ask(again.dsn, "SELECT value FROM kept") == 7


def test_a_killed_starter_leaves_a_server_that_others_join_and_stop(data_dir: Path) -> None:
    """The server survives its starter, and the next command that leaves last takes it down."""
    process = child(data_dir)
    assert said(process) == "started"
    process.kill()
    process.communicate()
    server = embedded.start(data_dir)
    assert server.started is False
    assert ask(server.dsn, "SELECT 1") == 1
    embedded.stop(server)
    assert not pid_file(server).exists()


def test_a_starter_killed_while_it_initializes_leaves_nothing_half_made(data_dir: Path) -> None:
    """The data directory appears complete or not at all."""
    process = child(data_dir)
    until(lambda: any((data_dir / "postgres").glob("initdb-*/data/*")))
    process.kill()
    process.communicate()
    with embedded.running(data_dir, tuning=QUICK) as server:
        assert ask(server.dsn, "SELECT 1") == 1
        assert list((data_dir / "postgres").glob("initdb-*")) == []


def test_a_process_that_lost_its_server_does_not_bar_the_next_one(data_dir: Path) -> None:
    """A query that computes for hours goes on after kill -9 of its server; it is ended."""
    server = embedded.start(data_dir, tuning=QUICK)
    with ThreadPoolExecutor() as executor:
        endless = executor.submit(ask, server.dsn, "DO 'BEGIN LOOP END LOOP; END'")
        until(lambda: ask(server.dsn, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO%'"))
        os.kill(postmaster(server), signal.SIGKILL)
        with embedded.running(data_dir, tuning=QUICK) as again:
            assert ask(again.dsn, "SELECT 1") == 1
        assert endless.exception(timeout=30) is not None
    embedded.stop(server)


def test_a_stale_process_number_that_lives_again_is_not_taken_for_a_server(data_dir: Path) -> None:
    """After a reboot the number in `postmaster.pid` may belong to any program of the same user."""
    server = embedded.start(data_dir, tuning=QUICK)
    os.kill(postmaster(server), signal.SIGKILL)
    owner = pid_file(server).stat().st_uid
    stranger = subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None)
    lines = pid_file(server).read_text().splitlines()
    pid_file(server).write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
    with embedded.running(data_dir, tuning=QUICK) as again:
        assert ask(again.dsn, "SELECT 1") == 1
    embedded.stop(server)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_deep_data_folder_keeps_its_socket_in_a_short_private_one(data_dir: Path) -> None:
    """Socket paths beyond 100 bytes do not fit the kernel; the folder used instead goes away with the server."""
    with embedded.running(data_dir / ("deep" * 30), tuning=QUICK) as server:
        socket = Path(ask(server.dsn, "SHOW unix_socket_directories"))
        assert len(os.fsencode(socket / ".s.PGSQL.5432")) <= 100
        assert socket.stat().st_mode & 0o777 == 0o700
    assert not socket.exists()


def test_a_folder_name_is_never_read_as_a_command_or_a_setting(data_dir: Path) -> None:
    """Characters that shells, configuration files and addresses treat specially stay part of the name."""
    with embedded.running(data_dir / "a $(touch x) 'b' \"c\", ü%41", tuning=QUICK) as server:
        assert ask(server.dsn, "SELECT 1") == 1
        assert server.data_dir.name == "a $(touch x) 'b' \"c\", ü%41"


def test_data_of_another_major_version_is_refused_by_name(data_dir: Path) -> None:
    """PostgreSQL cannot read it; the message says which version made it."""
    with embedded.running(data_dir, tuning=QUICK) as server:
        pass
    (server.data_dir / "postgres" / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(DatabaseError, match="was made by PostgreSQL 14, but the installed one is 18"):
        embedded.start(data_dir)


def test_a_server_that_cannot_start_says_why_in_one_line(data_dir: Path) -> None:
    """What PostgreSQL wrote about it is part of the error, and the folder can be used again afterwards."""
    with embedded.running(data_dir, tuning=QUICK):
        pass
    with pytest.raises(DatabaseError, match=r"does not start in .*no_such_setting"):
        embedded.start(data_dir, tuning={**QUICK, "no_such_setting": "1"})
    with embedded.running(data_dir, tuning=QUICK) as server:
        assert server.started is True


def test_a_data_folder_that_is_a_file_is_refused_by_name(data_dir: Path) -> None:
    """The message names the path."""
    data_dir.write_text("")
    with pytest.raises(DatabaseError, match=f"the data folder {data_dir} cannot be used"):
        embedded.start(data_dir)


def test_a_missing_wheel_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Platforms without the wheel still have HEADRACE_DATABASE_URL."""
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package_of_postgres")
    with pytest.raises(DatabaseError, match="set HEADRACE_DATABASE_URL"):
        binaries.find()


@pytest.mark.parametrize(("memory", "expected"), [(256, 128), (1024, 256), (2048, 512), (16384, 1024)])
def test_shared_buffers_are_a_quarter_of_memory_within_limits(memory: int, expected: int) -> None:
    """At least 128 MiB, at most 1 GiB."""
    assert settings.shared_buffers(memory << 20) == expected << 20


def test_settings_of_the_operator_win_and_stay(data_dir: Path) -> None:
    """`local.conf` is never overwritten."""
    with embedded.running(data_dir, tuning=QUICK) as server:
        pass
    (server.data_dir / "postgres" / "data" / "local.conf").write_text("work_mem = '31MB'\n")
    with embedded.running(data_dir, tuning=QUICK) as server:
        assert ask(server.dsn, "SHOW work_mem") == "31MB"


def test_tuning_overrides_a_setting_and_values_are_quoted() -> None:
    """Quotes and backslashes stay inside their value."""
    text = settings.configuration(Path("/run/x"), GIBIBYTE, {"jit": "on", "odd": "it's \\ so"})
    assert "jit = 'on'\n" in text
    assert "jit = 'off'" not in text
    assert "odd = 'it''s \\\\ so'\n" in text
