"""The subjects under which e-mails arrived.

What is here: the look-up that gives an open or a click the subject of its message, which was rendered for one person.
What is not: writing events (`interactions`). Follows reference 5.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from headrace.storage.database import Connection, Row
from headrace.storage.message_events import Kind

_SUBJECTS = f"""
SELECT d.delivery_id, e.properties->>'Subject' AS subject
FROM unnest($2::smallint[], $3::text[], $4::uuid[]) AS d (bucket, profile_id, delivery_id)
JOIN interaction i ON i.bucket = d.bucket AND i.account_id = $1 AND i.profile_id = d.profile_id
    AND i.delivery_id = d.delivery_id AND i.kind = {Kind.DELIVERED}
JOIN event e ON e.bucket = d.bucket AND e.account_id = $1 AND e.profile_id = d.profile_id AND e.metric_id = $5
    AND e.occurred_at = i.at AND e.number = i.number
WHERE e.properties ? 'Subject'
"""


async def read_subjects(
    connection: Connection, account_id: str, deliveries: Sequence[Row], received_metric_id: str
) -> dict[UUID, str]:
    """Return the subjects of delivered e-mails by delivery id; those without one are left out."""
    if not deliveries:
        return {}
    columns = ([row[name] for row in deliveries] for name in ("bucket", "profile_id", "delivery_id"))
    rows = await connection.fetch(_SUBJECTS, account_id, *columns, received_metric_id)
    return {row["delivery_id"]: row["subject"] for row in rows}
