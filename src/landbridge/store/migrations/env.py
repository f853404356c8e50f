"""Where Alembic starts: on the connection that `upgrade` opened, in its transaction."""

from __future__ import annotations

from alembic import context

from landbridge.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    transaction_per_migration=False,
)
context.run_migrations()
