"""Alembic revisions, applied in order by `headrace.storage.migrate`."""
