"""What may happen in a scenario, by the key that names it. `person` may be a list of people or `everybody`.

{event: Checkout Started, person: ana, value: 10, properties: {}, occurred: -1h, backfill: false, times: 2, chain: 0}
{join: VIP, person: ana, starts_nothing: true}    {leave: VIP, person: ana}     (lists and segments)
{set: {plan: gold}, person: ana}    {unset: [plan], person: ana}    {field: {timezone: Europe/Berlin}, person: ana}
{consent: {email: UNSUBSCRIBED}, person: ana, purpose: transactional, method: form, detail: "", dated: -3d,
 recorded: -1d, source: "", double_opt_in: true, rcs_capable: true}      (dates since the moment at which it happens)
{suppress: USER_SUPPRESSED, person: ana, list: VIP, dated: -3d}     {unsuppress: USER_SUPPRESSED, person: ana}
{opt_in: single_opt_in, list: News}    {subscribe: [email], person: ana, list: News, historical: -30d}
{confirm: News, person: ana}           {unsubscribe: [email], person: ana, list: News}    {text: STOP, person: ana}
{token: abc, person: ana, enabled: true, dated: -3d}    {predict: {predicted_clv: 10}, person: ana}
{link: {type: pets, relation: owns, id: rex, properties: {}}, person: ana}    {forget: ana}
{confirm_recipient: help@example.com}
{set_status: draft, flow: Flow}    {set_action_status: {mail: manual}}    {delete_action: wait}    {delete_flow: true}
{insert: {after: wait, action: {...}}}    {edit: {action: wait, data: {...}, links: {...}}}
{reorder: {a: b, b: c, c: null, entry: a}}     (new `next` links in one save; names of actions)
{edit_template: {hello: "<p>New</p>"}}        (copies, too)     {edit_original: {hello: "<p>New</p>"}}    (copies not)
{release: all}    {release: mail, person: ana}    {cancel: mail}     (messages under review, of one person if given)
{edit_segment: {Gold: {condition_groups: [...]}}}    {activate: Gold}    {deactivate: Gold}    {delete_segment: Gold}
{archive: true}    {unarchive: true}    {back_populate: by_join_date}    {release_held: true}    {discard_held: true}
{brought: {b: {delivered: 600, opens: 90, clicks: 60, orders: 6}}}     (what variations are said to have brought)
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from scenario import Scenario, span
from subscribing import to_subscriptions
from tried import bring

from headrace.clock import SystemClock
from headrace.engine import review
from headrace.engine.back_populate import request_back_populate
from headrace.ids import bucket_of
from headrace.model import Channel
from headrace.storage import alert_recipients, flow_edits, flow_states, flows, held, push_tokens, segments, suppressions
from headrace.storage.consents import ConsentChange, Purpose, set_consent
from headrace.storage.database import Connection
from headrace.storage.identity import IncomingProfile
from headrace.storage.profiles import ProfileChange, change_profile

_SAVE = """
WITH next AS (UPDATE flow SET version = version + 1, updated_at = $4 WHERE flow_id = $1 RETURNING version)
INSERT INTO flow_version (flow_id, version, account_id, definition, created_at) SELECT $1, version, $2, $3, $4 FROM next
"""
_FORGET = "DELETE FROM profile WHERE bucket = $1 AND account_id = $2 AND profile_id = $3"
_PREDICT = """
UPDATE profile SET predictive = predictive || $4 WHERE bucket = $1 AND account_id = $2 AND profile_id = $3
"""
_LINK = "INSERT INTO custom_object VALUES ($1, $2, $3, $4, $5, $6, $7)"


async def play(scenario: Scenario) -> None:
    """Let the timeline happen and the clock move to the end."""
    for moment in scenario.told["timeline"]:
        await scenario.move_to(moment["at"])
        for one in _each(scenario, moment):
            await happen(scenario, one)
        await scenario.shop.drain()
    await scenario.move_to(scenario.told.get("until", "30d"))


def _each(scenario: Scenario, moment: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    person = moment.get("person")
    people = scenario.told["people"] if person == "everybody" else person if isinstance(person, list) else None
    return [moment] if people is None else [{**moment, "person": name} for name in people]


async def happen(scenario: Scenario, moment: Mapping[str, Any]) -> None:
    """Let one thing happen; raises `ValueError` for what nobody knows."""
    handlers = (_to_people, _to_consent, to_subscriptions, _to_messages, _to_segments)
    for handler in handlers:
        if await handler(scenario, moment):
            return
    async with scenario.shop.database.transaction() as transaction:
        if not await _to_flows(scenario, moment, transaction):
            raise ValueError(f"nobody knows what happens in {dict(moment)}")


async def _to_people(scenario: Scenario, moment: Mapping[str, Any]) -> bool:
    shop = scenario.shop
    match moment:
        case {"event": metric, "person": person}:
            await _event(scenario, metric, person, moment)
        case {"join": group, "person": person}:
            await shop.join(person, _group(scenario, group), starts_nothing=moment.get("starts_nothing", False))
        case {"leave": group, "person": person}:
            await shop.leave(person, _group(scenario, group))
        case {"set": properties, "person": person}:
            await _change(scenario, person, ProfileChange(properties=properties))
        case {"unset": names, "person": person}:
            await _change(scenario, person, ProfileChange(unset=tuple(names)))
        case {"field": fields, "person": person}:
            await _change(scenario, person, ProfileChange(fields=fields))
        case {"predict": values, "person": person}:
            await _run(scenario, _PREDICT, *_key(scenario, person), values)
        case {"link": linked, "person": person}:
            values = (linked["type"], linked["relation"], linked["id"], linked.get("properties", {}))
            await _run(scenario, _LINK, *_key(scenario, person), *values)
        case {"forget": person}:
            await _run(scenario, _FORGET, *_key(scenario, person))
        case _:
            return False
    return True


async def _to_consent(scenario: Scenario, moment: Mapping[str, Any]) -> bool:
    shop, now = scenario.shop, await scenario.shop.now()
    account_id, dated = shop.account.account_id, now + span(moment.get("dated", "0h"))
    async with shop.database.transaction() as transaction:
        match moment:
            case {"consent": consents, "person": person}:
                for channel, subscription in consents.items():
                    await set_consent(transaction, account_id, _consent(scenario, channel, subscription, moment, now))
            case {"suppress": reason, "person": person}:
                where = _group(scenario, moment["list"]) if "list" in moment else suppressions.EVERYWHERE
                one = suppressions.Suppression(shop.people[person], reason, dated, where)
                await suppressions.suppress(transaction, account_id, [one])
            case {"unsuppress": reason, "person": person}:
                await suppressions.unsuppress(transaction, account_id, [shop.people[person]], [reason], now)
            case {"token": token, "person": person}:
                new = push_tokens.Token(token, "ios", "apns", moment.get("enabled", True))
                await push_tokens.set_token(transaction, account_id, shop.people[person], new, dated)
            case {"confirm_recipient": address}:
                await alert_recipients.request_recipient(transaction, account_id, address)
                await alert_recipients.confirm_recipient(transaction, account_id, address, now)
            case _:
                return False
    return True


def _consent(
    scenario: Scenario, channel: str, subscription: str, moment: Mapping[str, Any], now: datetime
) -> ConsentChange:
    return ConsentChange(
        scenario.shop.people[moment["person"]],
        int(Channel[channel.upper()]),
        subscription,
        now + span(moment.get("dated", "0h")),
        moment.get("method", "api"),
        moment.get("detail", ""),
        Purpose[moment.get("purpose", "marketing").upper()],
        recorded_at=now + span(moment["recorded"]) if "recorded" in moment else None,
        custom_source=moment.get("source"),
        double_opt_in=moment.get("double_opt_in", False),
        rcs_capable=moment.get("rcs_capable"),
    )


async def _to_messages(scenario: Scenario, moment: Mapping[str, Any]) -> bool:
    shop = scenario.shop
    match moment:
        case {"release": which}:
            await review.release(shop.core, shop.account.account_id, await _chosen(scenario, which, moment))
        case {"cancel": which}:
            await review.cancel(shop.core, shop.account.account_id, await _chosen(scenario, which, moment))
        case {"edit_template": texts}:
            for name, html in texts.items():
                query = "UPDATE template SET html = $2 WHERE name = 'Template' AND html = $1"
                await _run(scenario, query, scenario.told["templates"][name], html)
        case {"edit_original": texts}:
            for name, html in texts.items():
                query = "UPDATE template SET html = $2 WHERE template_id = $1"
                await _run(scenario, query, scenario.names["template"][name], html)
        case {"brought": brought}:
            await bring(scenario, brought)
        case _:
            return False
    return True


async def _to_segments(scenario: Scenario, moment: Mapping[str, Any]) -> bool:
    shop, now = scenario.shop, await scenario.shop.now()
    times = {"ids": shop.ids, "now": now, "system_now": SystemClock().now()}
    async with shop.database.transaction() as transaction:
        place = (transaction, shop.account.account_id)
        match moment:
            case {"edit_segment": edited}:
                for name, told in edited.items():
                    await shop.edit_segment(_group(scenario, name), scenario.resolved(told))
            case {"activate": name}:
                await segments.set_active(*place, _group(scenario, name), True, **times)
            case {"deactivate": name}:
                await segments.set_active(*place, _group(scenario, name), False, **times)
            case {"delete_segment": name}:
                await segments.delete_segment(*place, _group(scenario, name), shop.ids, times["system_now"])
            case _:
                return False
    return True


async def _to_flows(scenario: Scenario, moment: Mapping[str, Any], transaction: Connection) -> bool:
    shop, now, flow_id = scenario.shop, await scenario.shop.now(), _flow(scenario, moment)
    place, system = (transaction, shop.account.account_id), SystemClock().now()
    match moment:
        case {"set_status": status}:
            await flows.set_status(*place, flow_id, status, now)
        case {"set_action_status": statuses}:
            for name, status in statuses.items():
                await _edit(scenario, transaction, name, {"status": status}, None)
        case {"delete_action": name}:
            await flow_edits.delete_action(*place, scenario.actions[name], now)
        case {"delete_flow": _}:
            await flow_states.delete(*place, shop.ids, flow_id, now, system)
        case {"insert": {"after": after, "action": action}}:
            await _insert(scenario, transaction, after, action)
        case {"edit": {"action": name, **changes}}:
            await _edit(scenario, transaction, name, changes.get("data", {}), changes.get("links"))
        case {"reorder": links}:
            await _reorder(scenario, transaction, links)
        case {"archive": _}:
            await flow_states.archive(*place, shop.ids, flow_id, now, system)
        case {"unarchive": _}:
            await flow_states.unarchive(*place, flow_id, now)
        case {"back_populate": mode}:
            await request_back_populate(*place, shop.ids, flow_id, mode, system)
        case {"release_held": _}:
            await held.settle_held(*place, shop.ids, flow_id, held.RELEASE, now, system)
        case {"discard_held": _}:
            await held.settle_held(*place, shop.ids, flow_id, held.DISCARD, now, system)
        case _:
            return False
    return True


def _flow(scenario: Scenario, moment: Mapping[str, Any]) -> str:
    return scenario.flow_ids[moment["flow"]] if "flow" in moment else scenario.flow_id


def _group(scenario: Scenario, name: str) -> str:
    return (scenario.names["list"] | scenario.names["segment"])[name]


def _key(scenario: Scenario, person: str) -> tuple[int, str, str]:
    profile_id = scenario.shop.people[person]
    return bucket_of(profile_id), scenario.shop.account.account_id, profile_id


async def _chosen(scenario: Scenario, which: str, moment: Mapping[str, Any]) -> review.Chosen:
    if which == "all":
        return review.Chosen(flow_id=scenario.flow_id)
    if "person" not in moment:
        return review.Chosen(action_id=scenario.actions[which])
    query = "SELECT delivery_id FROM delivery WHERE profile_id = $1 AND action_id = $2"
    rows = await scenario.shop.database.fetch(query, _key(scenario, moment["person"])[2], scenario.actions[which])
    return review.Chosen(delivery_ids=frozenset(row["delivery_id"] for row in rows))


async def _run(scenario: Scenario, query: str, *values: Any) -> None:
    async with scenario.shop.database.transaction() as transaction:
        await transaction.execute(query, *values)


async def _change(scenario: Scenario, person: str, change: ProfileChange) -> None:
    shop = scenario.shop
    place = (shop.database, shop.account.account_id, shop.ids)
    await change_profile(*place, shop.people[person], change, await shop.now())


async def _event(scenario: Scenario, metric: str, person: str, moment: Mapping[str, Any]) -> None:
    value = moment.get("value")
    now = await scenario.shop.now()
    await scenario.shop.events(
        metric,
        [person] * moment.get("times", 1),
        occurred_at=now + span(moment.get("occurred", "0h")),
        properties=moment.get("properties"),
        value=None if value is None else Decimal(str(value)),
        backfill=moment.get("backfill", False),
        chain=moment.get("chain", 0),
        profiles={person: IncomingProfile(profile_id=scenario.shop.people[person])},
    )


async def _edit(
    scenario: Scenario, transaction: Connection, name: str, data: Mapping[str, Any], links: Mapping[str, Any] | None
) -> None:
    """Lay new data, one level deep, and links over an action of the first flow, as a user's save does."""
    shop, action_id = scenario.shop, scenario.actions[name]
    stored = await flows.load_flow(transaction, shop.account.account_id, scenario.flow_id)
    action = copy.deepcopy(next(one for one in stored.definition["actions"] if one["id"] == str(action_id)))
    action["data"] = {**action.get("data", {}), **scenario.resolved(data)}
    if links is not None:
        action["links"] = {key: _target(scenario, value) for key, value in links.items()}
    place = (transaction, shop.account.account_id, shop.ids, action_id)
    await flow_edits.update_action(*place, action, await shop.now())


def _target(scenario: Scenario, name: str | None) -> str | None:
    return None if name is None else str(scenario.actions[name])


async def _insert(scenario: Scenario, transaction: Connection, after: str, action: Mapping[str, Any]) -> None:
    """Save a version of the first flow that has a new action directly behind another one; YES leads on."""
    shop = scenario.shop
    document = await _document(scenario, transaction)
    number = await transaction.fetch_value("SELECT nextval('action_serial')")
    new = scenario.resolved({key: value for key, value in action.items() if key != "temporary_id"})
    before = next(one for one in document["actions"] if one["id"] == str(scenario.actions[after]))
    following = before["links"]["next"]
    before["links"] = {"next": str(number)}
    is_split = action["type"] in ("conditional-split", "trigger-split")
    new["links"] = {"next_if_true": following, "next_if_false": None} if is_split else {"next": following}
    if "message" in new.get("data", {}):
        new["data"]["message"]["id"] = shop.ids.short()
    document["actions"].append({"id": str(number), **new})
    await _save(scenario, transaction, document)
    scenario.actions[action["temporary_id"]] = number


async def _reorder(scenario: Scenario, transaction: Connection, links: Mapping[str, Any]) -> None:
    """Save a version of the first flow in which actions follow one another otherwise."""
    document = await _document(scenario, transaction)
    for one in document["actions"]:
        name = next(name for name, action_id in scenario.actions.items() if str(action_id) == one["id"])
        if name in links:
            one["links"] = {"next": _target(scenario, links[name])}
    if "entry" in links:
        document["entry_action_id"] = _target(scenario, links["entry"])
    await _save(scenario, transaction, document)


async def _document(scenario: Scenario, transaction: Connection) -> dict[str, Any]:
    stored = await flows.load_flow(transaction, scenario.shop.account.account_id, scenario.flow_id)
    return copy.deepcopy(dict(stored.definition))


async def _save(scenario: Scenario, transaction: Connection, document: Mapping[str, Any]) -> None:
    shop = scenario.shop
    await transaction.execute(_SAVE, scenario.flow_id, shop.account.account_id, document, await shop.now())
