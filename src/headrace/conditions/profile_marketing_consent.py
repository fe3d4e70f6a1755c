"""`profile-marketing-consent`: whether a channel may be used, and what the person agreed to on it.

`consent_states` says what each state means. Source: reference 3.1, 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from headrace.conditions import consent_states as states
from headrace.conditions.atoms import Atom
from headrace.conditions.condition import Condition, ConditionModel, Timeless, Verdict
from headrace.conditions.consent_states import ConsentState
from headrace.conditions.fact_query import Clause, FactQuery
from headrace.conditions.facts import ConsentOn, Facts, Moment, Need, PushTokens, Suppressions
from headrace.conditions.parsing import Model, OneOf
from headrace.conditions.topics import PUSH_TOKENS, SUPPRESSIONS, of_consent

NEVER_SUBSCRIBED = "NEVER_SUBSCRIBED"


def one_state(*models: type[ConsentState]) -> OneOf:
    """Return the union of states, told apart by their subscription."""
    rows = {get_args(model.model_fields["subscription"].annotation)[0]: model for model in models}
    return OneOf(rows, _subscription, "subscription")


def _subscription(value: Mapping[str, Any]) -> str | None:
    found = value.get("subscription")
    return found if isinstance(found, str) else None


class ChannelConsent(Model):
    """A channel, whether it may be used, and the state of consent."""

    channel: str
    can_receive_marketing: bool
    consent_status: Any


class HasEmail(ChannelConsent):
    """E-mail may be sent."""

    channel: Literal["email"]
    can_receive_marketing: Literal[True]
    consent_status: Annotated[
        ConsentState, one_state(states.MailableAny, states.MailableSubscribed, states.MailableNever)
    ]


class NoEmail(ChannelConsent):
    """No e-mail may be sent."""

    channel: Literal["email"]
    can_receive_marketing: Literal[False]
    consent_status: Annotated[
        ConsentState,
        one_state(
            states.UnmailableAny,
            states.UnmailableUnsubscribed,
            states.UnmailableNever,
            states.UnmailableSubscribed,
        ),
    ]


class HasSms(ChannelConsent):
    """SMS may be sent."""

    channel: Literal["sms"]
    can_receive_marketing: Literal[True]
    consent_status: states.TextableSubscribed


class NoSms(ChannelConsent):
    """No SMS may be sent."""

    channel: Literal["sms"]
    can_receive_marketing: Literal[False]
    consent_status: Annotated[
        ConsentState, one_state(states.UntextableAny, states.UntextableUnsubscribed, states.UntextableNever)
    ]


class HasPush(ChannelConsent):
    """Push messages may be sent."""

    channel: Literal["push"]
    can_receive_marketing: Literal[True]
    consent_status: states.PushableAny


class NoPush(ChannelConsent):
    """No push messages may be sent."""

    channel: Literal["push"]
    can_receive_marketing: Literal[False]
    consent_status: states.UnpushableAny


CHANNELS: Mapping[str, type[ChannelConsent]] = {
    "email true": HasEmail,
    "email false": NoEmail,
    "sms true": HasSms,
    "sms false": NoSms,
    "push true": HasPush,
    "push false": NoPush,
}


def _channel(value: Mapping[str, Any]) -> str | None:
    return f"{value.get('channel')} {str(value.get('can_receive_marketing')).lower()}"


class ProfileMarketingConsent(ConditionModel):
    """The condition as a document writes it."""

    type: Literal["profile-marketing-consent"]
    consent: Annotated[ChannelConsent, OneOf(CHANNELS, _channel, "channel and can_receive_marketing")]

    def compile(self, place: str) -> Condition:
        """Return the compiled condition."""
        return CompiledConsent(f"{self.type}:{self.consent.channel}", self.consent.consent_status.atom())


@dataclass(frozen=True, slots=True)
class CompiledConsent(Timeless):
    """The compiled condition, and that of `profile-permissions`."""

    label: str
    atom: Atom

    def needs(self, moment: Moment) -> frozenset[Need]:
        """Return the needs of the question."""
        return self.atom.needs()

    def holds(self, facts: Facts) -> Verdict:
        """Answer the question; what is known about the channel was seen."""
        return Verdict(self.atom.holds(facts), _known(self.atom.needs(), facts))

    def where(self, query: FactQuery[Clause], moment: Moment) -> Clause:
        """Return the same question asked of every profile at once."""
        return self.atom.where(query, moment.now)

    def topics(self) -> frozenset[str]:
        """Return what the needs are about."""
        return frozenset(map(_topic, self.atom.needs()))

    def next_change(self, facts: Facts) -> datetime | None:
        """Return when a date of the question comes into its span or leaves it."""
        return self.atom.next_change(facts)

    def next_change_where(self, query: FactQuery[Clause], moment: Moment) -> Clause | None:
        """Return the same of every profile at once."""
        clauses = list(self.atom.next_changes_where(query, moment.now))
        return query.earliest(clauses) if clauses else None


def _topic(need: Need) -> str:
    match need:
        case ConsentOn():
            return of_consent(need.channel, need.purpose)
        case PushTokens():
            return PUSH_TOKENS
        case _:
            return SUPPRESSIONS


def _known(needs: frozenset[Need], facts: Facts) -> str:
    words: list[str] = []
    for need in needs:
        match need:
            case ConsentOn():
                found = facts.consent(need)
                words.insert(0, found.subscription if found else NEVER_SUBSCRIBED)
            case Suppressions():
                words += sorted(one.reason for one in facts.suppressions())
            case PushTokens():
                words.append("device" if facts.push_since() else "no device")
            case _:
                continue
    return " ".join(words)
