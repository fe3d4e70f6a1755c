"""What every table is made of: the metadata, and the columns that many tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    DateTime,
    MetaData,
    SmallInteger,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

Timestamp = DateTime(timezone=True)
NOTHING = text("'{}'::jsonb")


def account_column() -> Column[Any]:
    """Return the column that says whose row it is."""
    return Column("account_id", Text, nullable=False)


def bucket_key() -> tuple[Column[Any], Column[Any]]:
    """Return the two columns with which every key of a big table starts."""
    return (
        Column("bucket", SmallInteger, primary_key=True, autoincrement=False),
        Column("account_id", Text, primary_key=True),
    )


def stamps() -> tuple[Column[Any], Column[Any]]:
    """Return the times, by the account's clock, at which a row was made and last changed."""
    return Column("created_at", Timestamp, nullable=False), Column("updated_at", Timestamp, nullable=False)


BUSY = {
    "fillfactor": "80",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_threshold": "10000",
    "autovacuum_vacuum_cost_delay": "0",
    "autovacuum_analyze_scale_factor": "0.05",
}
"""Storage settings of tables whose rows change all the time: dead entries would slow their due index."""
