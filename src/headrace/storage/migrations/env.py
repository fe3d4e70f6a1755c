"""Runs the migrations on the connection that `headrace.storage.migrate` hands over."""

from alembic import context

from headrace.storage.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
