"""From claimed deliveries to envelopes: what a batch needs is loaded, each message is checked once more and rendered.

What is here: the decision for each delivery before a provider sees it. What is not: claiming, handing over, recording
(`deliver`). Templates are read per batch, so a changed one changes the next send.
Source: DESIGN section 3 (sending), reference 1.1 (current content is used).
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from headrace.channels.port import Envelope, Passage
from headrace.engine.blocks import load_shown
from headrace.engine.core import Core
from headrace.engine.envelopes import envelope_of, properties_of
from headrace.engine.merged import of_merged
from headrace.engine.permissions import NOBODY, Permissions, load_permissions
from headrace.flows.actions.sending import CompiledSend
from headrace.messages.gates import AT_DELIVERY, Held, SendFacts, ask
from headrace.messages.links import MessageIds
from headrace.messages.render import render
from headrace.messages.rendered import (
    UNABLE_TO_SEND_PUSH,
    UNABLE_TO_SEND_SMS,
    UNABLE_TO_SEND_WEBHOOK,
    UNABLE_TO_SEND_WHATSAPP,
    Device,
    RenderedSms,
    RenderFailed,
    RenderRequest,
    TemplateBody,
)
from headrace.messages.utm import Defaults, defaults_of
from headrace.model import Channel, DeliveryState, Event, Profile
from headrace.storage.account_clocks import AccountTime, load_accounts
from headrace.storage.database import Connection, Row
from headrace.storage.deliveries import DeliveryResult
from headrace.storage.facts import load_events_of_runs, load_profiles
from headrace.storage.flow_cache import LoadedFlow
from headrace.storage.tracking_settings import load_tracking

log = logging.getLogger(__name__)

ACTION_DELETED = "Action Deleted"
NOT_LIVE = "Action Not Live"
UNABLE_EMAIL = "Unable to Send Email"
UNABLE = {
    Channel.EMAIL: UNABLE_EMAIL,
    Channel.SMS: UNABLE_TO_SEND_SMS,
    Channel.PUSH: UNABLE_TO_SEND_PUSH,
    Channel.WHATSAPP: UNABLE_TO_SEND_WHATSAPP,
    Channel.WEBHOOK: UNABLE_TO_SEND_WEBHOOK,
    Channel.INTERNAL_ALERT: UNABLE_EMAIL,
}
"""Skip reasons. Source: reference 1.8. Our choice: "Action Not Live", for a message whose action became a draft."""
TURN = 50
"""Messages rendered before other work of the process gets a turn."""
MOST_DETAIL = 500
"""Our choice: of why a message could not be written so many characters are kept, 500."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A delivery ready for its provider; `moment` is its domain time, `properties` go into its events."""

    row: Row
    envelope: Envelope
    moment: datetime
    segments: int = 0
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Desk:
    """What a batch of deliveries is decided and written with."""

    core: Core
    flows: Mapping[str, LoadedFlow]
    accounts: Mapping[str, AccountTime]
    people: Mapping[tuple[str, str], Profile]
    permissions: Permissions
    events: Mapping[uuid.UUID, Event]
    templates: Mapping[str, Row]
    tracking: Mapping[str, Defaults]


async def write_letters(core: Core, rows: Sequence[Row], now: datetime) -> list[Letter | DeliveryResult]:
    """Return a letter for each delivery that goes out, else what came of it instead, in the order of `rows`.

    On a virtual clock a delivery's moment is its own `due_at`, otherwise `now`.
    """
    async with core.database.connection() as connection:
        desk = await _load(core, connection, rows)
        if (present := await of_merged(connection, rows, desk.people)) is not None:
            rows, desk = present, await _load(core, connection, present)
    decided: list[Letter | DeliveryResult] = []
    for number, row in enumerate(rows):
        if number % TURN == TURN - 1:
            await asyncio.sleep(0)
        decided.append(_decide(desk, row, moment_of(row, now)))
    return decided


def moment_of(row: Row, now: datetime) -> datetime:
    """Return the moment of a delivery in domain time."""
    due_at: datetime = row["due_at"]
    return due_at if row["clock"] else now


async def _load(core: Core, connection: Connection, rows: Sequence[Row]) -> Desk:
    keys = [(row["bucket"], row["account_id"], row["profile_id"]) for row in rows]
    flows = await core.flows.load(connection, {row["flow_id"] for row in rows})
    asked = [(*key, row["channel"]) for key, row in zip(keys, rows, strict=True)]
    return Desk(
        core=core,
        flows=flows,
        accounts=await load_accounts(connection, {row["account_id"] for row in rows}),
        people=await load_profiles(connection, set(keys)),
        permissions=await load_permissions(connection, asked),
        events=await load_events_of_runs(
            connection, {(row["bucket"], row["account_id"], row["run_id"]) for row in rows}
        ),
        templates=await _templates(connection, rows, flows),
        tracking=await _tracking(connection, {row["account_id"] for row in rows}),
    )


async def _tracking(connection: Connection, account_ids: set[str]) -> dict[str, Defaults]:
    settings = await load_tracking(connection, account_ids)
    return {account_id: defaults_of(one) for account_id, one in settings.items()}


async def _templates(connection: Connection, rows: Sequence[Row], flows: Mapping[str, LoadedFlow]) -> Mapping[str, Row]:
    wanted: dict[str, set[str]] = {}
    for row in rows:
        action = _action(flows, row)
        if action is not None and (template_id := action.message.get("template_id")):
            wanted.setdefault(row["account_id"], set()).add(template_id)
    found: dict[str, Row] = {}
    for account_id, ids in wanted.items():
        found |= await load_shown(connection, account_id, ids)
    return found


def _action(flows: Mapping[str, LoadedFlow], row: Row) -> CompiledSend | None:
    """Return the present action behind a delivery, None where its flow or itself is gone."""
    flow = flows.get(row["flow_id"])
    if flow is None or flow.closed or flow.compiled is None:
        return None
    return flow.compiled.message_action(row["action_id"], row["variation"])


def _decide(desk: Desk, row: Row, moment: datetime) -> Letter | DeliveryResult:
    action = _action(desk.flows, row)
    if action is None:
        return _ended(row, DeliveryState.SKIPPED, ACTION_DELETED)
    if not action.acts:
        return _ended(row, DeliveryState.CANCELED, NOT_LIVE)
    objection = ask(AT_DELIVERY[action.channel], _facts(desk, row, action, moment))
    if isinstance(objection, Held):
        return DeliveryResult(
            row["bucket"], row["account_id"], row["delivery_id"], DeliveryState.QUEUED, objection.until
        )
    if objection is not None:
        return _ended(row, DeliveryState.SKIPPED, objection.reason)
    try:
        return _write(desk, row, action, moment)
    except Exception:  # a bug in one message must not hold up the others
        log.exception("delivery %s of flow %s could not be rendered", row["delivery_id"], row["flow_id"])
        return _ended(row, DeliveryState.FAILED, UNABLE[action.channel])


def _ended(row: Row, state: DeliveryState, reason: str) -> DeliveryResult:
    return DeliveryResult(row["bucket"], row["account_id"], row["delivery_id"], state, row["due_at"], reason)


def _facts(desk: Desk, row: Row, action: CompiledSend, moment: datetime) -> SendFacts:
    account = desk.accounts[row["account_id"]].account
    profile = desk.people.get((row["account_id"], row["profile_id"]))
    flow = desk.flows[row["flow_id"]].compiled
    return SendFacts(
        profile=profile,
        channel=action.channel,
        message=action.message,
        settings=account.settings,
        now=moment,
        zone=desk.core.zones.of_profile(profile, account),
        group_id=flow.trigger.group_id if flow and flow.trigger else None,
        **desk.permissions.of(row["account_id"], row["profile_id"], action.channel),
    )


def _write(desk: Desk, row: Row, action: CompiledSend, moment: datetime) -> Letter | DeliveryResult:
    rendered = render(action.channel, _request(desk, row, action, moment), desk.core.workshop)
    if isinstance(rendered, RenderFailed):
        log.info("delivery %s is skipped: %s", row["delivery_id"], rendered.detail)
        return replace(_ended(row, DeliveryState.SKIPPED, rendered.reason), detail=_kept(rendered.detail))
    segments = rendered.segment_count if isinstance(rendered, RenderedSms) else 0
    envelope = envelope_of(_passage(row, moment), rendered)
    return Letter(row, envelope, moment, segments, properties_of(rendered))


def _kept(detail: str) -> str:
    """Return a detail as a row can keep it: of a bounded length, and characters that the database takes."""
    return detail[:MOST_DETAIL].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def _request(desk: Desk, row: Row, action: CompiledSend, moment: datetime) -> RenderRequest:
    template = desk.templates.get(action.message.get("template_id") or "")
    flow = desk.flows[row["flow_id"]].compiled
    account_id, profile_id = row["account_id"], row["profile_id"]
    tokens = desk.permissions.tokens.get((account_id, profile_id), ())
    return RenderRequest(
        ids=MessageIds(account_id, profile_id, row["delivery_id"], row["flow_id"], row["message_id"]),
        message=action.message,
        template=TemplateBody(template["html"], template["text"]) if template else None,
        account=desk.accounts[account_id].account,
        profile=desk.people[account_id, profile_id],
        event=desk.events.get(row["run_id"]),
        now=moment,
        flow_name=flow.name if flow else "",
        message_name=action.message.get("name") or "",
        utm_defaults=desk.tracking[account_id],
        devices=[Device(one.token, one.platform, one.vendor) for one in tokens if one.enabled],
        recipients=desk.permissions.confirmed.get(account_id, NOBODY),
    )


def _passage(row: Row, moment: datetime) -> Passage:
    return Passage(row["delivery_id"], row["account_id"], row["profile_id"], row["message_id"], row["flow_id"], moment)
