"""Changes that a flow makes in its account: to the person, to a list, or an event that it records.

Each is carried out in the step's transaction, once: a step whose transaction was rolled back has changed nothing. A
batch of changes takes one statement per kind. Source: reference 2 (update-profile, list-update, internal-service), 2.3.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from headrace.clock import to_second
from headrace.conditions.facts import Membership
from headrace.engine.core import Core
from headrace.engine.loading import load_needs
from headrace.engine.wake import Wake
from headrace.flows.step import Change, ListChange, ProfileChange, TrackEvent
from headrace.ids import event_number
from headrace.messages.gates import left_group
from headrace.storage import profile_changes
from headrace.storage.database import Connection
from headrace.storage.events import NewEvent, insert_pending
from headrace.storage.noting import accounts_asking, note_changed, topics_of
from headrace.storage.pending import Happening, Kind, note_happenings
from headrace.storage.profile_changes import Moved, Patched
from headrace.storage.profile_patches import Patch, make_patch, reads_stored

TOO_MUCH_TEXT = "Profile Properties Over 100 KB"
LIST_DELETED = "List Deleted"
"""Our choice of words for the two reasons that the reference has no words for."""

People: TypeAlias = list[tuple[Wake, ProfileChange, bool]]
"""The flag tells whether the run has anything ahead of it that could look at the person."""
Told: TypeAlias = dict[str, Any]
Lists: TypeAlias = list[tuple[Wake, ListChange]]
Events: TypeAlias = list[tuple[Wake, TrackEvent]]


async def carry_out(core: Core, transaction: Connection, changes: Sequence[tuple[Wake, Change]]) -> None:
    """Make each change, or skip it where the flow's list or filter leaves the person out, and let its run go on.

    There is one change per profile at most. Source: reference 1.2 (list triggers), 1.8 (reasons).
    """
    await _load_groups(transaction, changes)
    people: People = []
    lists: Lists = []
    events: Events = []
    for wake, change in changes:
        if not _is_left_out(wake, change):
            match change.effect:
                case ProfileChange() as effect:
                    people.append((wake, effect, change.next_id is not None))
                case ListChange() as effect:
                    lists.append((wake, effect))
                case TrackEvent() as effect:
                    events.append((wake, effect))
    if people:
        await _change_people(core, transaction, people)
    if lists:
        await _change_lists(core, transaction, lists)
    if events:
        await _track(core, transaction, events)
    for wake, change in changes:
        wake.go_on(change.next_id)


async def _load_groups(transaction: Connection, changes: Sequence[tuple[Wake, Change]]) -> None:
    """Learn whether people are still members of the list or segment that their flow begins with."""
    asked = []
    for wake, _ in changes:
        group_id = wake.flow.trigger.group_id if wake.flow.trigger else None
        if group_id is not None and group_id not in wake.facts.joined:
            asked.append((wake, frozenset((Membership((group_id,)),))))
    if asked:
        await load_needs(transaction, asked)


def _is_left_out(wake: Wake, change: Change) -> bool:
    trigger = wake.flow.trigger
    if trigger is not None and trigger.group_id is not None and wake.facts.joined_at(trigger.group_id) is None:
        wake.note("skipped", {"reason": left_group.REASON})
        return True
    if wake.flow.profile_filter.groups:
        verdict = wake.flow.profile_filter.holds(wake.facts)
        if not verdict.holds:
            wake.note("skipped", {"reason": change.skip_reason, "seen": verdict.seen})
            return True
    return False


# --- people -------------------------------------------------------------------------------------------------------


async def _change_people(core: Core, transaction: Connection, people: People) -> None:
    stored = await _lock_those_read(transaction, people)
    shared: dict[int, tuple[Patch, Told]] = {}
    patched: list[tuple[Wake, Patched]] = []
    for wake, change, goes_on in people:
        properties = stored.get(wake.run_id)
        patch, told = _patch(change, properties, shared)
        if patch.text and not patch.fits(wake.facts.profile.properties if properties is None else properties):
            wake.note("skipped", {"reason": TOO_MUCH_TEXT})
            continue
        wake.note("changed", told)
        patched.append((wake, Patched(wake.bucket, wake.account_id, wake.profile_id, wake.now, patch)))
        if goes_on:
            _meet_again(core, wake, patch)
    await profile_changes.lay_patches(transaction, [one for _, one in patched])
    await _note_changed(transaction, [(wake, one.patch) for wake, one in patched])


async def _lock_those_read(transaction: Connection, people: People) -> dict[uuid.UUID, Mapping[str, Any]]:
    """Return run id -> stored properties of the people whose change depends on them, and keep these as they are."""
    reading = [wake for wake, change, _ in people if reads_stored(change.operations)]
    if not reading:
        return {}
    keys = [(wake.bucket, wake.account_id, wake.profile_id) for wake in reading]
    stored = await profile_changes.lock_properties(transaction, keys)
    return {wake.run_id: stored.get(wake.profile_id, {}) for wake in reading}


def _patch(
    change: ProfileChange, stored: Mapping[str, Any] | None, shared: dict[int, tuple[Patch, Told]]
) -> tuple[Patch, Told]:
    """Return a person's patch and what the journal says of it; one that reads nothing is the same for everybody."""
    if stored is not None:
        patch = make_patch(change.operations, stored)
        return patch, patch.told()
    known = shared.get(id(change.operations))
    if known is None:
        patch = make_patch(change.operations, {})
        known = shared[id(change.operations)] = patch, patch.told()
    return known


def _meet_again(core: Core, wake: Wake, patch: Patch) -> None:
    """Let later steps of this wake see the person as they are now."""
    wake.facts.profile = patch.applied(wake.facts.profile)
    if "timezone" in patch.fields:
        wake.zone = core.zones.of_profile(wake.facts.profile, wake.account)


async def _note_changed(transaction: Connection, patched: Sequence[tuple[Wake, Patch]]) -> None:
    """Tell about people who changed, where some segment or date-based flow may ask."""
    if not patched:
        return
    asking = await accounts_asking(transaction, {wake.account_id for wake, _ in patched})
    changed: defaultdict[tuple[str, datetime, int], dict[str, set[str]]] = defaultdict(dict)
    for wake, patch in patched:
        if wake.account_id in asking:
            topics = topics_of(patch.fields, patch.location, {*patch.laid, *patch.removed})
            changed[wake.account_id, wake.now, wake.row["chain"]][wake.profile_id] = topics
    for (account_id, at, chain), people in changed.items():
        await note_changed(transaction, account_id, people, at, chain=chain)


async def _note(
    core: Core, transaction: Connection, happenings: defaultdict[tuple[str, datetime], list[Happening]]
) -> None:
    for (account_id, at), found in happenings.items():
        await note_happenings(transaction, account_id, found, at, core.clock.now())


# --- lists --------------------------------------------------------------------------------------------------------


async def _change_lists(core: Core, transaction: Connection, lists: Lists) -> None:
    """Put people on lists and take them off; who is new on one may enter the flows that begin with it.

    Being put on a list changes nobody's consent. Source: reference 2 (list-update).
    """
    kept = await profile_changes.keep_lists(transaction, {(wake.account_id, one.list_id) for wake, one in lists})
    there = [(wake, one) for wake, one in lists if (wake.account_id, one.list_id) in kept]
    new = await profile_changes.join_lists(transaction, [_moved(wake, one) for wake, one in there if one.joins])
    gone = await profile_changes.leave_lists(transaction, [_moved(wake, one) for wake, one in there if not one.joins])
    happenings: defaultdict[tuple[str, datetime], list[Happening]] = defaultdict(list)
    for wake, one in lists:
        if (wake.account_id, one.list_id) not in kept:
            wake.note("skipped", {"reason": LIST_DELETED, "list_id": one.list_id})
            continue
        changed = (wake.profile_id, one.list_id) in (new if one.joins else gone)
        wake.facts.joined.pop(one.list_id, None)  # asked anew by the next split that wants to know
        wake.note("changed", {"list_id": one.list_id, "joined" if one.joins else "left": changed})
        if changed:
            kind = Kind.JOINED if one.joins else Kind.LEFT
            moved = Happening(wake.profile_id, kind, one.list_id, wake.row["chain"] + 1)
            happenings[wake.account_id, wake.now].append(moved)
    await _note(core, transaction, happenings)


def _moved(wake: Wake, one: ListChange) -> Moved:
    return Moved(wake.bucket, wake.account_id, wake.profile_id, one.list_id, wake.now)


# --- events -------------------------------------------------------------------------------------------------------


async def _track(core: Core, transaction: Connection, events: Events) -> None:
    """Record events, which may start flows as any other does. An action of a run records its event once."""
    await core.partitions.ensure("event", {wake.now for wake, _ in events})
    serials = iter(await core.serials.take(len(events)))
    made: defaultdict[tuple[str, datetime], list[NewEvent]] = defaultdict(list)
    for account_id in sorted({wake.account_id for wake, _ in events}):
        own = [(wake, one) for wake, one in events if wake.account_id == account_id]
        ids = await core.metrics.ids(account_id, {one.metric_name for _, one in own})
        for wake, one in own:
            made[account_id, wake.now].append(_event(wake, one, ids[one.metric_name], next(serials)))
            _forget(wake, ids[one.metric_name])
            wake.note("changed", {"event": one.metric_name})
    for (account_id, at), new in made.items():
        await insert_pending(transaction, account_id, new, at, core.clock.now())


def _event(wake: Wake, one: TrackEvent, metric_id: str, serial: int) -> NewEvent:
    at = to_second(wake.now)
    value = one.properties.get("$value")
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return NewEvent(
        wake.bucket,
        wake.profile_id,
        metric_id,
        f"{wake.run_id.hex}:{wake.action_id}",
        event_number(at, serial),
        at,
        {name: item for name, item in one.properties.items() if not (number and name == "$value")},
        Decimal(str(value)) if number else None,
        None,
        False,
        wake.row["chain"] + 1,
    )


def _forget(wake: Wake, metric_id: str) -> None:
    """Have events of a metric counted anew when a later split of this wake asks."""
    for need in [need for need in wake.facts.totals if need.metric_id == metric_id]:
        del wake.facts.totals[need]
