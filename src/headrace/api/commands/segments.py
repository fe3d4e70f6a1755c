"""Making, changing and deleting segments. Who is in one the engine works out. Follows reference 7.7."""

from __future__ import annotations

from headrace.api.state import State
from headrace.jsonapi.operation import Call
from headrace.storage import group_uses, segments


async def delete_segment(call: Call[State, None]) -> None:
    """Delete a segment; the people in it stay, and segments that ask about it are worked out anew."""
    state, services, segment_id = call.ctx.state, call.ctx.state.services, call.path["id"]
    async with state.database.transaction() as transaction:
        await segments.delete_segment(transaction, state.account_id, segment_id)
        asked_at = services.system_clock.now()
        await group_uses.look_again(transaction, state.account_id, segment_id, ids=services.ids, system_now=asked_at)
