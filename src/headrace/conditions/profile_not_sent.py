"""`profile-not-sent-email`, `-sms`, `-push`: no message of the channel was sent to the person in a time.

Our choice: a message counts from the moment it was handed to a provider, whatever became of it. Source: reference 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from headrace.conditions import spans
from headrace.conditions.condition import Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import Facts, LastSent, Moment, Need
from headrace.conditions.filters import RecentFilter, Timeframe
from headrace.conditions.flips import flips_of, next_flip
from headrace.conditions.topics import of_sent
from headrace.model import Channel

CHANNELS: Mapping[str, Channel] = {
    "profile-not-sent-email": Channel.EMAIL,
    "profile-not-sent-sms": Channel.SMS,
    "profile-not-sent-push": Channel.PUSH,
}


class ProfileNotSent(ConditionModel):
    """The condition as a document writes it."""

    timeframe_filter: RecentFilter

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledNotSent(self.type, LastSent(CHANNELS[self.type]), self.timeframe_filter.compile())


class ProfileNotSentEmail(ProfileNotSent):
    """No e-mail."""

    type: Literal["profile-not-sent-email"]


class ProfileNotSentSms(ProfileNotSent):
    """No SMS."""

    type: Literal["profile-not-sent-sms"]


class ProfileNotSentPush(ProfileNotSent):
    """No push message."""

    type: Literal["profile-not-sent-push"]


@dataclass(frozen=True, slots=True)
class CompiledNotSent(Timeless):
    """The compiled condition."""

    label: str
    need: LastSent
    timeframe: Timeframe

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the last message."""
        return frozenset((self.need,))

    def holds(self, facts: Facts) -> Verdict:
        """Ask whether the last message was sent in the time; when that was is what was seen."""
        last = facts.last_sent(self.need)
        within = self.timeframe.spans(facts.moment.now, facts.moment.entered_at)
        found = last is not None and any(spans.contains(span, last) for span in within)
        return Verdict(not found, last.isoformat() if last else None)

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return query.negate(query.last_sent(self.need, self.timeframe.spans(moment.now, moment.entered_at)))

    def topics(self) -> frozenset[str]:
        """Return the messages of the channel."""
        return frozenset((of_sent(self.need.channel),))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when the last message leaves the time."""
        return next_flip(self.timeframe, facts.last_sent(self.need), facts.moment.now)

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once."""
        flips = flips_of(self.timeframe)
        return query.last_sent_flip(self.need, flips, moment.now) if flips.edges else None
