"""What every gate is: a pure check of one message to one person, with a reason to skip it, a wait, or nothing to say.

Source: reference 1.8 (skip reasons and their order), DESIGN section 3 (sending).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, TypeAlias

from headrace.conditions import EVERYBODY, CompiledFilter
from headrace.conditions.facts import Facts
from headrace.model import Channel, Profile
from headrace.model.account import Settings

SUBSCRIBED = "SUBSCRIBED"


@dataclass(frozen=True, slots=True)
class SendFacts:
    """What gates may look at; the engine loads it for a whole batch.

    `message` is the message object of the definition (reference 2.2). `subscription` is the person's consent to
    marketing on the channel, `transactional_subscription` that to transactional messages; None for never subscribed.
    `last_send_at` is the person's last message on the channel, queued ones included. `facts` answers the filters; it is
    None where a message that passed them already is checked once more. `group_id` is the list or segment whose members
    the flow is for, None for other flows. `suppressions` are (reason, list id), with an empty list id for those that
    hold everywhere. `has_token` tells whether push messages reach the person, `confirmed` who in the account gets
    alerts (small letters); either is None where the channel does not need it. `now` is domain time and `zone` the
    person's, else the account's.
    """

    profile: Profile | None
    channel: Channel
    message: Mapping[str, Any]
    settings: Settings
    now: datetime
    zone: tzinfo
    subscription: str | None = None
    last_send_at: datetime | None = None
    facts: Facts | None = None
    profile_filter: CompiledFilter = EVERYBODY
    additional_filters: CompiledFilter = EVERYBODY
    group_id: str | None = None
    transactional_subscription: str | None = None
    suppressions: Collection[tuple[str, str]] = ()
    has_token: bool | None = None
    confirmed: Collection[str] | None = None

    @property
    def transactional(self) -> bool:
        """Whether the message is one that nobody can unsubscribe from. Source: reference 4.3."""
        return bool(self.message.get("transactional"))

    @property
    def agreed(self) -> bool:
        """Whether the person is subscribed to messages like this one.

        Source: reference 4.4. Our choice: consent to marketing covers transactional messages, too, unless the person
        unsubscribed from these.
        """
        if self.transactional and self.transactional_subscription is not None:
            return self.transactional_subscription == SUBSCRIBED
        return self.subscription == SUBSCRIBED

    @property
    def consent_seen(self) -> Mapping[str, Any]:
        """What `agreed` rested on, for the journal."""
        seen = {"subscription": self.subscription}
        return {**seen, "transactional": self.transactional_subscription} if self.transactional else seen


@dataclass(frozen=True, slots=True)
class Skipped:
    """The message is not sent: `reason` as the reference spells it, `seen` what the decision rested on."""

    reason: str
    seen: Any = None


@dataclass(frozen=True, slots=True)
class Held:
    """The message waits until `until` (UTC); then everything is checked again."""

    until: datetime
    reason: str


Check: TypeAlias = Callable[[SendFacts], "Skipped | Held | None"]


@dataclass(frozen=True, slots=True)
class Gate:
    """A row of the table: the check, the channels it concerns, and whether it is asked again just before sending."""

    name: str
    check: Check
    channels: frozenset[Channel]
    rechecked: bool
