"""The shape of operations that are none of the usual ones: reports, jobs, ingestion.

What is here: `call`. Its command does everything and says what to answer. Follows DESIGN section 4.
"""

from __future__ import annotations

from typing import Any

from headrace.jsonapi.operation import Call, Reply
from headrace.jsonapi.shapes.loading import run


async def call(request: Call[Any, Any]) -> Reply:
    """Run the command; None answers the row's status with an empty body, a dict with that document."""
    result = await run(request)
    return result if isinstance(result, Reply) else Reply(request.operation.status, result)
