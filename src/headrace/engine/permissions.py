"""What gates must know about people beside their profile, loaded for a batch: one query per kind, none without need.

What is here: consents, suppressions, push tokens and alert recipients, asked channel by channel. What is not: last
sends and the facts of filters, which only a step or a release asks for. Source: reference 4.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from headrace.model import Channel
from headrace.storage.alert_recipients import confirmed_recipients
from headrace.storage.consents import Purpose, load_subscriptions
from headrace.storage.database import Connection, Database
from headrace.storage.push_tokens import Token, load_tokens
from headrace.storage.suppressions import Suppression, load_suppressions

Recipient = tuple[int, str, str, int]
"""bucket, account id, profile id, channel."""

CONSENTED = frozenset((Channel.EMAIL, Channel.SMS, Channel.WHATSAPP))
"""The channels on which consent decides."""


class Permitted(TypedDict):
    """The fields of `SendFacts` that are filled from here."""

    subscription: str | None
    transactional_subscription: str | None
    suppressions: Sequence[tuple[str, str]]
    has_token: bool | None
    confirmed: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Permissions:
    """The permissions of a batch; `tokens` holds disabled ones, too, and only those of push messages are loaded."""

    subscriptions: Mapping[tuple[str, str, int, int], str]
    suppressions: Mapping[tuple[str, str], Sequence[Suppression]]
    tokens: Mapping[tuple[str, str], Sequence[Token]]
    confirmed: Mapping[str, frozenset[str]]

    def of(self, account_id: str, profile_id: str, channel: Channel) -> Permitted:
        """Return what `SendFacts` takes for one message."""
        person, marketing, other = (account_id, profile_id), Purpose.MARKETING, Purpose.TRANSACTIONAL
        tokens = self.tokens.get(person, ())
        return {
            "subscription": self.subscriptions.get((*person, channel, marketing)),
            "transactional_subscription": self.subscriptions.get((*person, channel, other)),
            "suppressions": [(one.reason, one.list_id) for one in self.suppressions.get(person, ())],
            "has_token": any(token.enabled for token in tokens) if channel is Channel.PUSH else None,
            "confirmed": self.confirmed.get(account_id, NOBODY) if channel is Channel.INTERNAL_ALERT else None,
        }


NOBODY: frozenset[str] = frozenset()


async def load_permissions(connection: Connection | Database, recipients: Iterable[Recipient]) -> Permissions:
    """Return what may be sent to these people on these channels."""
    asked = list(recipients)
    alerted = {account_id for _, account_id, _, channel in asked if channel == Channel.INTERNAL_ALERT}
    return Permissions(
        await load_subscriptions(connection, [one for one in asked if one[3] in CONSENTED]),
        await load_suppressions(connection, _people(asked, Channel.EMAIL)),
        await load_tokens(connection, _people(asked, Channel.PUSH)),
        await confirmed_recipients(connection, alerted) if alerted else {},
    )


def _people(asked: Iterable[Recipient], channel: Channel) -> list[tuple[int, str, str]]:
    return [(bucket, account_id, profile_id) for bucket, account_id, profile_id, on in asked if on == channel]
