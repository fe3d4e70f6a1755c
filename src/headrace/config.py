"""Settings, read once from the environment into one frozen record.

What is here: every variable that Headrace reads, its default and its check. What is not: settings of an account, which
live in its row.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.errors import ConfigError


@dataclass(frozen=True)
class Config:
    """The settings of one installation.

    `data_dir` is None when neither HEADRACE_DATA_DIR nor HEADRACE_DATABASE_URL was given: the launcher then chooses the
    default folder. `database_url` is None for the embedded database. `public_url` is the address people's mail
    programs and browsers reach, without a trailing slash; None means the address served on. `webhooks` is "inbox" to
    keep them, "https" to send them, "http" to send them to plain addresses of other machines, too. `media_dir` is
    where uploaded images lie; None means the folder `media` within the data folder. `image_sources` is "public" to take
    images from addresses of the internet only, "any" to take them from the own network, too.

    `request_timeout` is how many seconds a client may take to send a request's head, to send each further part of its
    body, or to take an answer.
    """

    data_dir: Path | None = None
    database_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8027
    public_url: str | None = None
    secret_key: str | None = None
    smtp_url: str | None = None
    webhooks: str = "inbox"
    media_dir: Path | None = None
    image_sources: str = "public"
    rate_limits: str = "off"
    request_timeout: int = 20
    api_processes: int = 1
    workers: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Config:
        """Read the HEADRACE_* variables; raises `ConfigError` for a value that cannot be used."""
        env = os.environ if environment is None else environment
        data_dir = env.get("HEADRACE_DATA_DIR")
        media_dir = env.get("HEADRACE_MEDIA_DIR")
        url = env.get("HEADRACE_PUBLIC_URL")
        return cls(
            data_dir=Path(data_dir).expanduser() if data_dir else None,
            database_url=env.get("HEADRACE_DATABASE_URL") or None,
            host=env.get("HEADRACE_HOST", cls.host),
            port=_whole_number(env, "HEADRACE_PORT", cls.port, 0, 65535),
            public_url=url.rstrip("/") if url else None,
            secret_key=env.get("HEADRACE_SECRET_KEY") or None,
            smtp_url=env.get("HEADRACE_SMTP_URL") or None,
            webhooks=_one_of(env, "HEADRACE_WEBHOOKS", cls.webhooks, ("inbox", "https", "http")),
            media_dir=Path(media_dir).expanduser() if media_dir else None,
            image_sources=_one_of(env, "HEADRACE_IMAGE_SOURCES", cls.image_sources, ("public", "any")),
            rate_limits=_one_of(env, "HEADRACE_RATE_LIMITS", cls.rate_limits, ("off", "klaviyo")),
            request_timeout=_whole_number(env, "HEADRACE_REQUEST_TIMEOUT", cls.request_timeout, 1, 3600),
            api_processes=_whole_number(env, "HEADRACE_API_PROCESSES", cls.api_processes, 1, 256),
            workers=_whole_number(env, "HEADRACE_WORKERS", cls.workers, 1, 256),
        )


def _whole_number(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ConfigError(f"{name} is {text!r}; it must be a whole number from {low} to {high}")
    return int(text)


def _one_of(env: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    text = env.get(name) or default
    if text not in allowed:
        raise ConfigError(f"{name} is {text!r}; it must be one of {', '.join(allowed)}")
    return text
