"""The address of an SMTP server, as in `HEADRACE_SMTP_URL`.

    smtp://user:password@host:587?starttls     encrypted after the greeting (required, not only tried)
    smtps://user:password@host:465             encrypted from the start
    smtp://127.0.0.1:1025                      plain

User and password are percent-encoded. Further parameters: `timeout` (seconds, default 30), `connections` (default 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from headrace.errors import ConfigError

PORTS = {"smtp": 25, "smtps": 465}
KNOWN = frozenset({"starttls", "timeout", "connections"})


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """How to reach an SMTP server. `timeout` is in seconds."""

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: bool = False
    starttls: bool = False
    timeout: float = 30.0
    connections: int = 4

    def __repr__(self) -> str:
        return f"SmtpSettings({self.host}:{self.port})"  # never the password


def parse_smtp_url(url: str) -> SmtpSettings:
    """Return the settings in an address; raises `ConfigError`, without repeating the password."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise ConfigError(f"the SMTP address cannot be read: {error}") from error
    if parts.scheme not in PORTS or not host:
        raise ConfigError("the SMTP address must look like smtp://user:password@host:port or smtps://...")
    options = parse_qs(parts.query, keep_blank_values=True)
    if unknown := sorted(set(options) - KNOWN):
        raise ConfigError(f"the SMTP address has the parameter {unknown[0]!r}; known are {', '.join(sorted(KNOWN))}")
    return SmtpSettings(
        host=host,
        port=port or (587 if "starttls" in options else PORTS[parts.scheme]),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls=parts.scheme == "smtps",
        starttls="starttls" in options,
        timeout=float(_whole(options, "timeout", 30)),
        connections=_whole(options, "connections", 4),
    )


def _whole(options: dict[str, list[str]], name: str, default: int) -> int:
    text = options.get(name, [str(default)])[0]
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 300:
        raise ConfigError(f"{name} in the SMTP address is {text!r}; it must be a whole number from 1 to 300")
    return int(text)
