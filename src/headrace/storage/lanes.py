"""Lanes: the due rows of one account in one bucket on one clock, the unit in which accounts take turns.

The due indexes are (clock, bucket, account, moment). Whoever looks for due rows walks them lane by lane, jumping from
account to account, so that an account with a million due rows costs another one nothing. What is here: the SQL for
that walk. Source: DESIGN section 3 (accounts share by a per-account cap within a batch).

Our choice: the due index has the account before the moment, which DESIGN leaves out; a look at all lanes costs one
index probe per bucket and account.
"""

from __future__ import annotations


def lanes(table: str, wanted: str, condition: str) -> str:
    """Return a recursive query named `lane` (clock, bucket, account_id) over a table with a due index.

    `wanted` is a FROM list that gives `clock` and `bucket`; `condition` is that of the partial index.
    """
    return f"""
    lane (clock, bucket, account_id) AS (
        SELECT w.clock, w.bucket, first.account_id FROM ({wanted}) AS w CROSS JOIN LATERAL (
            SELECT account_id FROM {table}
            WHERE clock = w.clock AND bucket = w.bucket AND {condition} ORDER BY account_id LIMIT 1
        ) AS first
        UNION ALL
        SELECT l.clock, l.bucket, other.account_id FROM lane l CROSS JOIN LATERAL (
            SELECT account_id FROM {table}
            WHERE clock = l.clock AND bucket = l.bucket AND {condition} AND account_id > l.account_id
            ORDER BY account_id LIMIT 1
        ) AS other
    )
    """


def share(limit: int, buckets: int) -> int:
    """Return how many rows of one lane a batch of at most `limit` takes, so that all its buckets come into it."""
    return max(LEAST_SHARE, -(-limit // max(1, buckets)))


LEAST_SHARE = 16
"""Rows of one lane that a batch takes at least, where there are so many."""
