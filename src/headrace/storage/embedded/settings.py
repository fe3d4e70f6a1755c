"""The server's settings: the configuration files that we write before every start.

What is here: their text. What is not: per-table settings, which the migrations carry. `postgresql.conf` includes
`headrace.conf` (ours, replaced at every start) and after it `local.conf` (the operator's, never touched).
See docs/decisions/0001-database.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from headrace.storage.embedded.os_user import OsUser

ROLE = "headrace"
MEBIBYTE = 1 << 20
INCLUDES = "\ninclude_if_exists = 'headrace.conf'\ninclude_if_exists = 'local.conf'\n"
LOCAL = "# Your own settings of PostgreSQL; they win over those in headrace.conf. Read at the next start.\n"
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def configuration(socket_folder: Path, memory: int, tuning: Mapping[str, str]) -> str:
    """Return the text of `headrace.conf` for a machine with `memory` bytes; `tuning` overrides single settings."""
    settings = {**_connections(socket_folder), **_memory(memory), **_durability(), **_planner(), **_logging(), **tuning}
    lines = [f"{name} = {quoted(value)}" for name, value in settings.items()]
    return "# Written by Headrace at every start: put your own settings into local.conf.\n" + "\n".join(lines) + "\n"


def host_rules(user: OsUser) -> str:
    """Return `pg_hba.conf`: connections through the socket only, known by password (as root) or by system user."""
    method = "scram-sha-256" if user.dropped else f"peer map={ROLE}"
    return f"local all all {method}\nlocal replication all {method}\n"


def user_map(user: OsUser) -> str:
    """Return `pg_ident.conf`: the system user and root (who can do anything anyway) act as the role `headrace`."""
    return f'{ROLE} "{user.name}" {ROLE}\n{ROLE} root {ROLE}\n'


def machine_memory() -> int:
    """Return the bytes of memory that this machine, or the container around us, has."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([physical, *(limit for path in CGROUP_LIMITS if (limit := _limit(path)) is not None)])


def shared_buffers(memory: int) -> int:
    """Return a quarter of `memory` bytes, at least 128 MiB and at most 1 GiB."""
    return min(max(memory // 4, 128 * MEBIBYTE), 1024 * MEBIBYTE)


def quoted(value: str) -> str:
    """Write a value as the configuration file reads it."""
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _limit(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _connections(socket_folder: Path) -> dict[str, str]:
    return {
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": str(socket_folder),
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "cluster_name": ROLE,
    }


def _memory(memory: int) -> dict[str, str]:
    return {
        "shared_buffers": _megabytes(shared_buffers(memory)),
        "effective_cache_size": _megabytes(max(memory // 2, 256 * MEBIBYTE)),
        "work_mem": "16MB",
        "maintenance_work_mem": "128MB",
    }


def _durability() -> dict[str, str]:
    """Nothing acknowledged is ever lost; long checkpoint distances keep steady writing cheap."""
    return {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_compression": "on",
        "max_wal_size": "4GB",
        "min_wal_size": "256MB",
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": "0.9",
    }


def _planner() -> dict[str, str]:
    """Short statements over many rows: just-in-time compilation costs more than it saves."""
    return {"jit": "off", "random_page_cost": "1.1", "autovacuum_naptime": "10s", "timezone": "UTC"}


def _logging() -> dict[str, str]:
    """A week of log files, each overwritten when its weekday comes again."""
    return {
        "logging_collector": "on",
        "log_directory": "../log",
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_file_mode": "0600",
        "log_line_prefix": "%m [%p] %d ",
        "log_timezone": "UTC",
        "log_checkpoints": "off",
        "lc_messages": "C",
    }


def _megabytes(size: int) -> str:
    return f"{size // MEBIBYTE}MB"
