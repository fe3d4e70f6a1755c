"""Putting the engine's parts together over a database.

What is here: the choices that every process makes alike. What is not: where the database, the keys and the settings
come from (`cli`).
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.channels import alert, email, push, sms, webhook, whatsapp
from headrace.channels.port import Provider
from headrace.clock import Clock, SystemClock
from headrace.engine.core import Core, Limits
from headrace.engine.mailbox import DatabaseMailbox
from headrace.ids import IdSource, RandomIds
from headrace.messages.rendered import Workshop
from headrace.model import Channel
from headrace.storage.database import Database
from headrace.storage.interactions import Recorder
from headrace.storage.metrics import Metrics
from headrace.storage.partitions import Partitions
from headrace.storage.serials import Serials


def choose_providers(
    database: Database, smtp_url: str | None = None, webhooks: str = "inbox"
) -> dict[Channel, Provider]:
    """Return a provider for each channel.

    That is the inbox, but for e-mail and internal alerts an SMTP server where one is given, and for webhooks the
    provider of the name `webhooks`.
    """
    mailbox, mail = DatabaseMailbox(database), "smtp" if smtp_url else "inbox"
    return {
        Channel.EMAIL: email.PROVIDERS[mail](mailbox, smtp_url),
        Channel.SMS: sms.PROVIDERS["inbox"](mailbox, None),
        Channel.PUSH: push.PROVIDERS["inbox"](mailbox),
        Channel.WHATSAPP: whatsapp.PROVIDERS["inbox"](mailbox),
        Channel.WEBHOOK: webhook.PROVIDERS[webhooks](mailbox),
        Channel.INTERNAL_ALERT: alert.PROVIDERS[mail](mailbox, smtp_url),
    }


def build_core(
    database: Database,
    workshop: Workshop,
    *,
    providers: Mapping[Channel, Provider] | None = None,
    clock: Clock | None = None,
    ids: IdSource | None = None,
    name: str | None = None,
    limits: Limits | None = None,
    webhooks: str = "inbox",
) -> Core:
    """Return the engine over a database; what is not given is what production uses.

    `clock` is system time. `name` tells this process from others and is drawn unless it is given. `webhooks` is the
    setting of that name.
    """
    clock, ids = clock or SystemClock(), ids or RandomIds()
    partitions = Partitions(database, clock)
    serials, metrics = Serials(database), Metrics(database, clock, ids)
    recorder = Recorder(metrics, serials, partitions)
    return Core(
        database=database,
        clock=clock,
        ids=ids,
        partitions=partitions,
        serials=serials,
        metrics=metrics,
        recorder=recorder,
        workshop=workshop,
        providers=choose_providers(database) if providers is None else providers,
        name=name or ids.uuid(),
        limits=limits or Limits(),
        webhooks=webhooks,
    )
