"""What every part of the engine works with, put together once per process.

What is here: one frozen record. What is not: how its parts are made, which the composition root (`cli`) decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo

from headrace.channels.port import Provider
from headrace.clock import Clock
from headrace.flows.schedule import read_zone
from headrace.ids import IdSource
from headrace.messages.rendered import Workshop
from headrace.model import Account, Channel, Profile
from headrace.storage.database import Database
from headrace.storage.flow_cache import FlowCache
from headrace.storage.interactions import Recorder
from headrace.storage.metric_properties import MetricProperties
from headrace.storage.metrics import Metrics
from headrace.storage.own_events import OwnEvents
from headrace.storage.partitions import Partitions
from headrace.storage.segment_cache import SegmentCache
from headrace.storage.serials import Serials

MOST_ZONES = 2_000
"""Names that are remembered, more than there are zones: people's zones are whatever somebody wrote there."""


class Zones:
    """Time zones by name, with the fallback of a profile that has none or a wrong one."""

    __slots__ = ("_known", "_utc")

    def __init__(self) -> None:
        utc = read_zone("UTC")
        assert utc is not None, "tzdata is a dependency"
        self._utc = utc
        self._known: dict[str, tzinfo | None] = {}

    def of_account(self, account: Account) -> tzinfo:
        """Return the account's zone."""
        return self._find(account.timezone) or self._utc

    def of_profile(self, profile: Profile | None, account: Account) -> tzinfo:
        """Return the profile's own zone, else the account's. Source: reference 2.1."""
        own = self._find(profile.timezone) if profile and profile.timezone else None
        return own or self.of_account(account)

    def _find(self, name: str) -> tzinfo | None:
        if name not in self._known:
            if len(self._known) >= MOST_ZONES:
                self._known.clear()
            self._known[name] = read_zone(name)
        return self._known[name]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the engine does at once. `lease` is how long a provider has to answer (system time)."""

    entering: int = 1000
    advancing: int = 1000
    delivering: int = 500
    lease: timedelta = timedelta(minutes=5)


def pass_by(point: str) -> None:
    """Do nothing at a point where a test may let the process die."""


@dataclass(frozen=True, slots=True)
class Core:
    """The engine's parts.

    `clock` tells system time, which is also the domain time of accounts without a clock of their own. `providers` name
    the sender of each channel; `name` tells this process from others in claims. `at` is called with the name of each
    point before and after a commit, so that tests can let the process die there. `webhooks` is the setting of that
    name (`config`), for those that tell of events.
    """

    database: Database
    clock: Clock
    ids: IdSource
    partitions: Partitions
    serials: Serials
    metrics: Metrics
    recorder: Recorder
    workshop: Workshop
    providers: Mapping[Channel, Provider]
    name: str
    flows: FlowCache = field(default_factory=FlowCache)
    segments: SegmentCache = field(default_factory=SegmentCache)
    properties: MetricProperties = field(default_factory=MetricProperties)
    zones: Zones = field(default_factory=Zones)
    limits: Limits = field(default_factory=Limits)
    webhooks: str = "inbox"
    at: Callable[[str], None] = pass_by

    @property
    def own_events(self) -> OwnEvents:
        """What makes room for events that Headrace records by itself."""
        return OwnEvents(self.metrics, self.serials, self.partitions, self.clock)
