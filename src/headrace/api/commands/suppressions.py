"""Suppressing people by jobs, and taking that back: what a request may ask for. Source: their descriptions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from headrace.api.commands.values import Email
from headrace.api.state import State
from headrace.engine.suppression_jobs import SUPPRESS, UNSUPPRESS, arguments
from headrace.errors import NotFound
from headrace.jsonapi.bodies import Model, ToOne
from headrace.jsonapi.operation import Call
from headrace.storage import jobs
from headrace.storage.groups import count_members
from headrace.storage.identity import normal_email

MOST = 100
"""Addresses of one job. Source: the operations' descriptions."""
RELATED = "/data/relationships"
STATES = {
    "queued": ("queued",),
    "processing": ("running",),
    "complete": ("complete",),
    "cancelled": ("failed",),
}
"""Status, as the API spells it, and the states of jobs behind it. Our choice: a job that failed counts as canceled."""
_IS_GROUP = "SELECT EXISTS (SELECT FROM profile_group WHERE account_id = $1 AND group_id = $2 AND kind = $3)"


class PersonAttributes(Model):
    """Whom a row names."""

    email: Email


class PersonRow(Model):
    """A row of a job."""

    type: Literal["profile"]
    attributes: PersonAttributes


class People(Model):
    """The rows of a job."""

    data: Annotated[list[PersonRow], Field(min_length=1, max_length=MOST)]


class JobAttributes(Model):
    """The people of a job, unless it names a list or segment."""

    profiles: People | None = None


class Groups(Model):
    """The list or segment of a job."""

    list: ToOne[Literal["list"]] | None = None
    segment: ToOne[Literal["segment"]] | None = None


class JobData(Model):
    """`data` of a job."""

    attributes: JobAttributes = Field(default_factory=JobAttributes)
    relationships: Groups = Field(default_factory=Groups)

    @model_validator(mode="after")
    def _names_people_once(self) -> JobData:
        named = (self.attributes.profiles, self.relationships.list, self.relationships.segment)
        if sum(one is not None for one in named) != 1:
            raise ValueError("profiles, a list or a segment must be given, and only one of them")
        return self


class SuppressData(JobData):
    """`data` of a job that suppresses."""

    type: Literal["profile-suppression-bulk-create-job"]


class UnsuppressData(JobData):
    """`data` of a job that takes suppressions back."""

    type: Literal["profile-suppression-bulk-delete-job"]


class SuppressJob(Model):
    """The body of POST /api/profile-suppression-bulk-create-jobs."""

    data: SuppressData


class UnsuppressJob(Model):
    """The body of POST /api/profile-suppression-bulk-delete-jobs."""

    data: UnsuppressData


async def suppress(call: Call[State, SuppressJob]) -> str:
    """Put a job in the queue that suppresses people and return its id."""
    return await _enqueue(call.ctx.state, SUPPRESS, call.body.data)


async def unsuppress(call: Call[State, UnsuppressJob]) -> str:
    """Put a job in the queue that takes manual suppressions back and return its id."""
    return await _enqueue(call.ctx.state, UNSUPPRESS, call.body.data)


async def _enqueue(state: State, kind: str, data: JobData) -> str:
    now, system_now = state.clock.now(), state.services.system_clock.now()
    emails = _emails(data.attributes.profiles)
    list_id, segment_id = await _group(state, data, "list"), await _group(state, data, "segment")
    async with state.database.transaction() as transaction:
        group_id = list_id or segment_id
        total = len(emails) if group_id is None else await count_members(transaction, state.account_id, group_id, now)
        told = {**arguments(now, emails, list_id, segment_id), "total": total}
        return await jobs.enqueue(transaction, state.account_id, state.services.ids, kind, told, system_now)


def _emails(people: People | None) -> list[str]:
    """Return the addresses, each once, as it is written first: naming somebody twice says nothing new."""
    rows = people.data if people else []
    return list({normal_email(row.attributes.email): row.attributes.email for row in reversed(rows)}.values())[::-1]


async def _group(state: State, data: JobData, kind: Literal["list", "segment"]) -> str | None:
    """Return the id of the list or segment that the job names; raises `NotFound`."""
    named: ToOne[Literal["list"]] | ToOne[Literal["segment"]] | None = getattr(data.relationships, kind)
    if named is None:
        return None
    group_id = named.data.id
    if not await state.database.fetch_value(_IS_GROUP, state.account_id, group_id, kind):
        raise NotFound(f'There is no {kind} with the id "{group_id}".', pointer=f"{RELATED}/{kind}/data/id")
    return group_id
