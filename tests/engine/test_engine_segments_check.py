"""Members that are not right are found by a full evaluation, and repaired."""

from __future__ import annotations

from datetime import timedelta

from engine_shop import EngineShop, did, has, segment_of, within_days
from headrace.engine import doctor
from headrace.engine.segment_check import compare, repair, settle
from headrace.storage.database import Database
from headrace.storage.identity import IncomingProfile
from headrace.storage.segments import set_active

_LOSE = "DELETE FROM membership WHERE group_id = $1 AND profile_id = $2"
_ADD = """
INSERT INTO membership (bucket, account_id, profile_id, group_id, joined_at)
SELECT bucket, account_id, profile_id, $1, created_at FROM profile WHERE profile_id = $2
"""


async def _gold(database: Database) -> tuple[EngineShop, str]:
    shop = await EngineShop.open(database)
    group_id = await shop.made_segment("Gold", segment_of([has("tier", "gold")]))
    await shop.person("ana", IncomingProfile(email="ana@example.com", properties={"tier": "gold"}))
    await shop.person("ben")
    await shop.drain()
    return shop, group_id


async def _wrong(shop: EngineShop, group_id: str) -> None:
    """Put both people in the wrong place behind the engine's back."""
    async with shop.database.transaction() as transaction:
        await transaction.execute(_LOSE, group_id, shop.people["ana"])
        await transaction.execute(_ADD, group_id, shop.people["ben"])


async def test_maintained_members_are_right(database: Database) -> None:
    """Nobody differs, whatever happened."""
    shop, group_id = await _gold(database)
    (found,) = await compare(shop.core, shop.account.account_id, group_id)
    assert ((), (), None) == (found.missing, found.extra, found.skipped)


async def test_wrong_places_are_found_and_repaired(database: Database) -> None:
    """Those who are missing and those who are too many are told by name, and a repair works the segment out anew."""
    shop, group_id = await _gold(database)
    await _wrong(shop, group_id)
    (found,) = await compare(shop.core, shop.account.account_id)
    assert ((shop.people["ana"],), (shop.people["ben"],)) == (found.missing, found.extra)
    assert 1 == await repair(shop.core, [found])
    await settle(shop.core, shop.account.account_id)
    assert ["ana"] == list(await shop.members(group_id))


async def test_the_doctor_finds_and_repairs_wrong_places(database: Database) -> None:
    """What `headrace doctor` finds of segments is gone after a repair."""
    shop, group_id = await _gold(database)
    await _wrong(shop, group_id)
    found = await doctor.examine(shop.core)
    assert [(doctor.SEGMENTS, 2)] == [(one.symptom.kind, one.symptom.amount) for one in found.findings]
    left = await doctor.repair(shop.core)
    assert () == left.findings
    assert ["ana"] == list(await shop.members(group_id))


async def test_what_is_pending_is_no_difference(database: Database) -> None:
    """A person whose event is still to be worked out is in nobody's wrong place."""
    shop, group_id = await _gold(database)
    changed = {"ben": IncomingProfile(email="ben@example.com", properties={"tier": "gold"})}
    await shop.event("Seen", "ben", profiles=changed)
    (found,) = await compare(shop.core, shop.account.account_id)
    assert not found.differs
    await settle(shop.core, shop.account.account_id)
    assert ["ana", "ben"] == sorted(await shop.members(group_id))


async def test_a_segment_whose_job_was_given_up_is_found_and_worked_out(database: Database) -> None:
    """The doctor begins the job anew."""
    shop = await EngineShop.open(database)
    bought = await shop.metric("Placed Order")
    await shop.event("Placed Order", "ana")
    group_id = await shop.made_segment("Buyers", segment_of([did(bought, within_days(3))]))
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE job SET state = 'failed', finished_at = now() - interval '30 days'")
    await shop.drain()
    found = await doctor.examine(shop.core)
    assert ["unevaluated"] == [one.symptom.kind for one in found.findings]
    await doctor.repair(shop.core)
    assert ["ana"] == list(await shop.members(group_id))


async def test_the_members_of_an_inactive_segment_stay(database: Database) -> None:
    """Nothing is compared, and nobody leaves as time goes on."""
    shop = await EngineShop.open(database)
    bought = await shop.metric("Placed Order")
    group_id = await shop.made_segment("Buyers", segment_of([did(bought, within_days(3))]))
    await shop.event("Placed Order", "ana")
    await shop.drain()
    async with database.transaction() as transaction:
        times = {"ids": shop.ids, "now": await shop.now(), "system_now": await shop.now()}
        await set_active(transaction, shop.account.account_id, group_id, False, **times)
    await shop.move(timedelta(days=9))
    (found,) = await compare(shop.core, shop.account.account_id)
    assert ("inactive", ["ana"]) == (found.skipped, list(await shop.members(group_id)))
    assert 0 == await database.fetch_value("SELECT count(*) FROM segment_due")
