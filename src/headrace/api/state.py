"""What the application works with: the services of the process, and the caller of one request.

What is here: `Services`, made once by whoever starts the application, and `State`, which every command finds as
`call.ctx.state`. What is not: authentication (`auth`) and the application itself (`app`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headrace.api.tracker import Tracker
from headrace.clock import Clock, SystemClock, VirtualClock
from headrace.config import Config
from headrace.engine.ingest import Ingest
from headrace.ids import IdSource, RandomIds
from headrace.messages.preview_pool import Previews
from headrace.messages.tokens import Signer
from headrace.model import Account
from headrace.storage import embedded
from headrace.storage.accounts import clock_of
from headrace.storage.database import Database
from headrace.storage.interactions import Recorder
from headrace.storage.media import MediaFolder
from headrace.storage.metrics import Metrics
from headrace.storage.own_events import OwnEvents
from headrace.storage.partitions import Partitions
from headrace.storage.serials import Serials


@dataclass(frozen=True, slots=True, eq=False)
class Services:
    """The services of one process. `system_clock` is for leases, keys and revisions, never for domain time."""

    database: Database
    config: Config
    ids: IdSource
    system_clock: Clock
    serials: Serials
    partitions: Partitions
    metrics: Metrics
    ingest: Ingest
    signer: Signer
    recorder: Recorder
    tracker: Tracker
    previews: Previews
    media: MediaFolder

    @classmethod
    def of(
        cls,
        database: Database,
        config: Config | None = None,
        *,
        ids: IdSource | None = None,
        system_clock: Clock | None = None,
        signer: Signer | None = None,
    ) -> Services:
        """Make the services over a database.

        What is not given is what production uses, but for the signer: without one, links are good for this process.
        """
        ids, clock = ids or RandomIds(), system_clock or SystemClock()
        serials, partitions = Serials(database), Partitions(database, clock)
        metrics = Metrics(database, clock, ids)
        recorder = Recorder(metrics, serials, partitions)
        return cls(
            database=database,
            config=config or Config(),
            ids=ids,
            system_clock=clock,
            serials=serials,
            partitions=partitions,
            metrics=metrics,
            ingest=Ingest(database, clock, ids, serials, partitions),
            signer=signer or Signer([(0, ids.secret().encode())]),
            recorder=recorder,
            tracker=Tracker(database, clock, recorder),
            previews=Previews(),
            media=MediaFolder(_media_dir(config or Config()), ids),
        )

    @property
    def own_events(self) -> OwnEvents:
        """What makes room for events that Headrace records by itself."""
        return OwnEvents(self.metrics, self.serials, self.partitions, self.system_clock)

    async def close(self) -> None:
        """Finish what was handed in; the database stays open."""
        await self.ingest.close()
        await self.tracker.close()
        await self.previews.close()

    async def clock_of(self, account: Account) -> Clock:
        """Return the account's clock: the machine's, or its own virtual one as it stands now."""
        if account.clock == 0 and not account.settings.test:
            return self.system_clock
        clock = await clock_of(self.database, account)
        return clock if isinstance(clock, VirtualClock) else self.system_clock


def _media_dir(config: Config) -> Path:
    return config.media_dir or (config.data_dir or embedded.default_data_dir()) / "media"


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """The caller of one request. `clock` tells the account's time, as it stood when the request came in.

    `key_end` are the last four characters of the key, by which consent conditions tell keys apart.
    """

    services: Services
    account: Account
    clock: Clock
    key_id: str = ""
    key_end: str = ""

    @property
    def database(self) -> Database:
        """The database."""
        return self.services.database

    @property
    def account_id(self) -> str:
        """The caller's account."""
        return self.account.account_id
