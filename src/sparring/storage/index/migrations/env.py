"""What alembic runs to bring a database up to date; the connection is handed over by `sparring.storage.index`."""

from alembic import context

from sparring.storage.index.schema import TABLES, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=TABLES, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
