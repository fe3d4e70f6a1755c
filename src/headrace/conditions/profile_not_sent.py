"""`profile-not-sent-email`, `-sms`, `-push`: no message of the channel was sent to the person in a time.

Our choice: a message counts from the moment it was handed to a provider, whatever became of it. Source: reference 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from headrace.conditions import spans
from headrace.conditions.condition import Condition, ConditionModel, Verdict
from headrace.conditions.facts import Clause, FactQuery, Facts, LastSent, Moment, Need
from headrace.conditions.filters import RecentFilter, Timeframe
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
class CompiledNotSent:
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
