"""Putting the engine together from settings."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from headrace.cli.runtime import data_dir
from headrace.config import Config
from headrace.engine.core import Core
from headrace.engine.setup import build_core, choose_providers
from headrace.engine.worker import Worker
from headrace.ids import IdSource
from headrace.messages.rendered import Workshop
from headrace.messages.secrets_file import load_or_create_secret
from headrace.messages.tokens import Signer
from headrace.storage.database import Database
from headrace.storage.rollups import fold_all
from headrace.storage.step_counts import fold_counts


def make_signer(config: Config, ids: IdSource) -> Signer:
    """Return what signs and reads this installation's links."""
    return Signer(load_or_create_secret(data_dir(config), ids, config.secret_key))


def public_url(config: Config) -> str:
    """Return the address that links in messages begin with."""
    if config.public_url:
        return config.public_url
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"http://{host}:{config.port}"


@asynccontextmanager
async def engine_core(database: Database, config: Config, signer: Signer) -> AsyncIterator[Core]:
    """Lend the engine's parts over a database; providers are closed at the end."""
    providers = choose_providers(database, config.smtp_url, config.webhooks)
    try:
        workshop = Workshop(signer, public_url(config))
        name = f"{socket.gethostname()}:{os.getpid()}"
        yield build_core(database, workshop, providers=providers, name=name, webhooks=config.webhooks)
    finally:
        for provider in providers.values():
            await provider.close()


def make_worker(core: Core) -> Worker:
    """Return a worker that also folds the reports and the step counts of all accounts."""
    return Worker(core, partial(_fold, core.database))


async def _fold(database: Database) -> int:
    return await fold_all(database) + await fold_counts(database)
