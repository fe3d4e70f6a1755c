"""The history of the schema, one Alembic revision per file under `versions/`."""
