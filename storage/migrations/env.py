"""Alembic's entry: runs the migrations on the connection that `storage.migrations` hands over."""

from alembic import context

from storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    compare_type=True,
    compare_server_default=True,
)
context.run_migrations()
