"""Asking that a person be deleted for good: from the checked body to the engine.

What is not here: what is deleted (`engine.deletions`). Follows reference 7.7. Our choice: somebody whom the account
does not have is a 404, so that a mistyped address is noticed; asking twice for the same person is one, too.
"""

from __future__ import annotations

from typing import Literal

from headrace.api.commands.values import Email, Phone
from headrace.api.state import State
from headrace.engine.deletions import Named, request_deletion
from headrace.errors import Invalid
from headrace.jsonapi.bodies import Id, Model
from headrace.jsonapi.operation import Call
from headrace.storage.identity import Identifier, Kind, normal_email

PROFILE_AT = "/data/attributes/profile/data"


class PersonAttributes(Model):
    """An address or a number."""

    email: Email | None = None
    phone_number: Phone | None = None


class PersonData(Model):
    """Who is to be deleted."""

    type: Literal["profile"]
    id: Id | None = None
    attributes: PersonAttributes = PersonAttributes()


class PersonToDelete(Model):
    """`{data: {type, id?, attributes}}`."""

    data: PersonData


class DeletionAttributes(Model):
    """What a deletion is about."""

    profile: PersonToDelete


class DeletionData(Model):
    """A deletion."""

    type: Literal["data-privacy-deletion-job"]
    attributes: DeletionAttributes


class DeletionJob(Model):
    """`{data: {type, attributes: {profile: {data: {type, id?, attributes}}}}}`."""

    data: DeletionData


async def delete_profile(call: Call[State, DeletionJob]) -> None:
    """Delete the person; the answer is empty."""
    state = call.ctx.state
    services = state.services
    named, pointer = _named(call.body.data.attributes.profile.data)
    system_now = services.system_clock.now()
    await request_deletion(services, state.account_id, named, state.clock.now(), system_now, pointer)


def _named(data: PersonData) -> tuple[Named, str]:
    """Return whom the body means and where it says so; raises `Invalid` unless it says so exactly once."""
    given = {
        f"{PROFILE_AT}/id": data.id and Named(profile_id=data.id),
        f"{PROFILE_AT}/attributes/email": _by(Kind.EMAIL, normal_email(data.attributes.email)),
        f"{PROFILE_AT}/attributes/phone_number": _by(Kind.PHONE, data.attributes.phone_number),
    }
    found = [(named, pointer) for pointer, named in given.items() if isinstance(named, Named)]
    if len(found) != 1:
        raise Invalid(
            f"A deletion needs exactly one of id, email and phone_number; {len(found)} were given.", pointer=PROFILE_AT
        )
    return found[0]


def _by(kind: Kind, value: str | None) -> Named | None:
    return Named(identifier=Identifier(kind, value)) if value else None
