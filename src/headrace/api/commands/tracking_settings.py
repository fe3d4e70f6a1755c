"""Changing what an account adds to its links, and the body that asks for it. Follows reference 4.5.

Our choice: at most `LONGEST` characters of a value or a name; a name is written as parameters of addresses are, and is
neither one of the five that have a place of their own nor that of the identity parameter.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from headrace.api.state import State
from headrace.errors import Invalid, Problem, raise_any
from headrace.jsonapi.bodies import Change, Model
from headrace.jsonapi.operation import Call
from headrace.messages.links import IDENTITY
from headrace.model.tracking import ALWAYS, UTM
from headrace.storage.tracking_settings import CUSTOM, change_tracking

MOST_CUSTOM = 5
"""Source: reference 4.5."""
LONGEST = 255
AT = "/data/attributes"
_NAME = re.compile(r"[A-Za-z0-9_.~-]+")

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST)]
OfFlow = Literal[
    "email_subject",
    "flow_id",
    "flow_name",
    "link_alt_text",
    "message_name",
    "message_name_id",
    "message_type",
    "profile_external_id",
    "profile_id",
]
OfCampaign = Literal[
    "campaign_id",
    "campaign_name",
    "campaign_name_id",
    "campaign_name_send_day",
    "email_subject",
    "group_id",
    "group_name",
    "group_name_id",
    "link_alt_text",
    "message_type",
    "profile_external_id",
    "profile_id",
]


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("it may hold letters, digits and . _ ~ - only")
    if text.lower() in (*UTM, IDENTITY):
        raise ValueError(f"it must not be one of {', '.join((*UTM, IDENTITY))}, which have places of their own")
    return text


class Static(Model):
    """A value that is the same in every message."""

    type: Literal["static"]
    value: Text


class FlowDynamic(Model):
    """A value that is filled in per message of a flow."""

    type: Literal["dynamic"]
    value: OfFlow


class CampaignDynamic(Model):
    """A value that is filled in per message of a campaign."""

    type: Literal["dynamic"]
    value: OfCampaign


FlowValue = Annotated[FlowDynamic | Static, Field(discriminator="type")]
CampaignValue = Annotated[CampaignDynamic | Static, Field(discriminator="type")]


class Parameter(Model):
    """A parameter in flows and in campaigns; null on a side where it is not added."""

    flow: FlowValue | None = None
    campaign: CampaignValue | None = None


class CustomParameter(Parameter):
    """A parameter with a name of its own."""

    name: Annotated[Text, AfterValidator(_name)]


class Changes(Model):
    """What is to change; what is left out stays as it is, and so does a side that is left out."""

    auto_add_parameters: bool | None = None
    utm_source: Parameter | None = None
    utm_medium: Parameter | None = None
    utm_campaign: Parameter | None = None
    utm_id: Parameter | None = None
    utm_term: Parameter | None = None
    custom_parameters: Annotated[list[CustomParameter], Field(max_length=MOST_CUSTOM)] | None = None

    @model_validator(mode="after")
    def _named_once(self) -> Changes:
        names = [one.name.lower() for one in self.custom_parameters or ()]
        twice = next((one for one in names if names.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f'"custom_parameters" names "{twice}" twice; name each parameter once')
        return self


ChangeBody = Change[Literal["tracking-setting"], Changes]


async def change(call: Call[State, ChangeBody]) -> None:
    """Change the settings; messages that are written from now on have them. Raises `Problems`."""
    state, asked = call.ctx.state, call.body.data.attributes
    raise_any(_nulls(asked))
    named = asked.model_dump(exclude_unset=True)
    auto_add = named.pop("auto_add_parameters", None)
    if CUSTOM in named:
        named[CUSTOM] = [{"flow": None, "campaign": None, **one} for one in named[CUSTOM] or ()]
    async with state.database.transaction() as transaction:
        await change_tracking(transaction, state.account_id, auto_add, named, state.clock.now())


def _nulls(asked: Changes) -> list[Problem]:
    """Return what is null and must not be. Source: reference 4.5 (source and medium are always added)."""
    problems: list[Problem] = []
    for name in ("auto_add_parameters", *ALWAYS):
        if name in asked.model_fields_set and getattr(asked, name) is None:
            problems.append(Invalid(f'"{name}" is null; it must have a value.', pointer=f"{AT}/{name}"))
    for name in ALWAYS:
        sides: Any = getattr(asked, name)
        for side in sorted(sides.model_fields_set) if sides else ():
            if getattr(sides, side) is None:
                detail = f'"{name}" of {side}s is null; it is added to every link and must have a value.'
                problems.append(Invalid(detail, pointer=f"{AT}/{name}/{side}"))
    return problems
