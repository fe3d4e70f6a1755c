"""Taking push tokens in and deleting them. Follows the operations' descriptions and reference 4.4.

The person is made or changed in the same transaction as the token, so that neither is there without the other.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from headrace.api.commands.profile_bodies import KnownAttributes, ProfileMeta
from headrace.api.commands.profiles import wish_of, written
from headrace.api.commands.values import ShortText
from headrace.api.state import State
from headrace.jsonapi.bodies import Id, Model
from headrace.jsonapi.operation import Call
from headrace.storage import profiles, push_tokens
from headrace.storage.database import Connection
from headrace.storage.profile_wishes import Result, Written
from headrace.storage.push_tokens import ALLOWED, ENABLED, Token, id_in

LONGEST_TOKEN = 2048
"""Bytes of a token. Our choice: those of both vendors are far shorter, and keys of the database have an end."""
PERSON = "/data/attributes/profile/data"


def _small(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _short(token: str) -> str:
    if len(token.encode()) > LONGEST_TOKEN:
        raise ValueError(f"it must have at most {LONGEST_TOKEN:,} bytes")
    return token


TokenText = Annotated[str, StringConstraints(min_length=1), AfterValidator(_short)]


class PersonAttributes(KnownAttributes, total=False):
    """The person whose device it is; here `meta` stands among the attributes."""

    meta: ProfileMeta | None


class PersonData(Model):
    """`data` of the person."""

    type: Literal["profile"]
    id: Id | None = None
    attributes: PersonAttributes


class Person(Model):
    """The person whose device it is."""

    data: PersonData


class DeviceMetadata(Model):
    """What a device tells of itself."""

    device_id: ShortText | None = None
    klaviyo_sdk: Literal["android", "flutter", "flutter_community", "react_native", "swift"] | None = None
    sdk_version: ShortText | None = None
    device_model: ShortText | None = None
    os_name: Literal["android", "ios", "ipados", "macos", "tvos"] | None = None
    os_version: ShortText | None = None
    manufacturer: ShortText | None = None
    app_name: ShortText | None = None
    app_version: ShortText | None = None
    app_build: ShortText | None = None
    app_id: ShortText | None = None
    environment: Literal["debug", "release"] | None = None


class TokenAttributes(Model):
    """A device's token, its permissions, and whose it is. Old clients write the vendor in capitals."""

    token: TokenText
    platform: Literal["android", "ios"]
    vendor: Annotated[Literal["apns", "fcm"], BeforeValidator(_small)]
    enablement_status: Literal["AUTHORIZED", "DENIED", "NOT_DETERMINED", "PROVISIONAL", "UNAUTHORIZED"] | None = None
    background: Literal["AVAILABLE", "DENIED", "RESTRICTED"] | None = None
    device_metadata: DeviceMetadata | None = None
    profile: Person


class NewTokenData(Model):
    """`data` of a push token."""

    type: Literal["push-token"]
    attributes: TokenAttributes


class NewToken(Model):
    """The body of POST /api/push-tokens."""

    data: NewTokenData = Field(...)


async def create_push_token(call: Call[State, NewToken]) -> None:
    """Make or change the person and give them the token; whoever had it before loses it."""
    state, attributes = call.ctx.state, call.body.data.attributes
    person = attributes.profile.data
    wish = wish_of(state, person.id, person.attributes, person.attributes.get("meta"), PERSON)
    token, now = token_of(attributes), state.clock.now()

    async def attempt(transaction: Connection) -> Result:
        [result] = await profiles.write_profiles(transaction, state.account_id, state.services.ids, [wish], now)
        if isinstance(result, Written):
            await push_tokens.set_token(transaction, state.account_id, result.profile_id, token, now)
        return result

    written(await profiles.racing(state.database, attempt), PERSON)


def token_of(attributes: TokenAttributes) -> Token:
    """Return a device as the storage takes it."""
    status = attributes.enablement_status or ALLOWED
    told = attributes.device_metadata
    return Token(
        attributes.token,
        attributes.platform,
        attributes.vendor,
        status in ENABLED,
        status,
        attributes.background,
        told.model_dump(exclude_none=True) if told else {},
    )


async def delete_push_token(call: Call[State, None]) -> None:
    """Delete the token that the path names, by its id or its value."""
    state = call.ctx.state
    async with state.database.transaction() as transaction:
        await push_tokens.remove_by_id(transaction, state.account_id, id_in(call.path["id"]), state.clock.now())
