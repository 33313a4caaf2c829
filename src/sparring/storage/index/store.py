"""The store: a database for the index over run folders, and for leases. Nothing in it is needed to read a run."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from sparring.errors import DataError, MissingExtraError, SparringError, UsageError
from sparring.storage.index.schema import TABLES, VERSION_TABLE

__all__ = ["connected", "opened_store", "said", "sqlite_url"]

PATIENCE = 5.0
"""Seconds to wait for another process that writes into the same SQLite file."""

LOCK = 0x5BA881
"""Any number that no other program locks on PostgreSQL."""


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{path.resolve()}"


def connected(url: str) -> Engine:
    """An engine for a database whose tables are there already.

    Raises:
        MissingExtraError: The driver is not installed.
        UsageError: The URL is none, or names a kind of database that is unknown.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgres", "postgresql"):
            parsed = parsed.set(drivername="postgresql+pg8000")
        waiting = {"timeout": PATIENCE} if parsed.get_backend_name() == "sqlite" else {}
        return create_engine(parsed, connect_args=waiting)
    except ModuleNotFoundError:
        raise MissingExtraError("a store on PostgreSQL", "postgres") from None
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise UsageError(
            f"{url!r} is no URL of a store; write it as sqlite:///index.sqlite or postgresql://user@host/name"
        ) from None


def opened_store(url: str) -> Engine:
    """An engine for a database with our tables, made or brought up to date if need be.

    Raises:
        DataError: It cannot be reached, read or written, or a newer Sparring wrote it.
        UsageError: It is no URL of a store, or the file belongs to another program.
    """
    engine = connected(url)
    try:
        with engine.begin() as connection:
            if not _ready(connection):
                _alone(connection)
                _migrate(connection)
    except DBAPIError as error:
        engine.dispose()
        raise DataError(said(engine, error)) from error
    except SparringError:
        engine.dispose()
        raise
    return engine


def said(engine: Engine, error: DBAPIError) -> str:
    """One sentence for what a database complains about, without its password."""
    reason = " ".join(str(error.orig).split())[:200]
    return f"the store {engine.url.render_as_string(hide_password=True)} cannot be used: {reason}"


def _ready(connection: Connection) -> bool:
    """Whether the tables are those that we know; refuses a database that is not ours, or newer than we are."""
    tables, ours = set(inspect(connection).get_table_names()), set(TABLES.tables)
    name = connection.engine.url.render_as_string(hide_password=True)
    if connection.dialect.name == "sqlite" and tables and not tables & ours:
        raise UsageError(f"{name} is another program's database; move it away, or name another store")
    migrations = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    script = ScriptDirectory.from_config(_config(connection))
    at, head = migrations.get_current_revision(), script.get_current_head()
    if at is not None and at not in {each.revision for each in script.walk_revisions()}:
        raise DataError(
            f"{name} was written by a newer Sparring (schema {at}, this one knows {head}); install a newer one, or "
            "name another store: an index is made anew from the run folders"
        )
    return at == head


def _alone(connection: Connection) -> None:
    """Wait until no other process makes the tables; holds until the transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


def _migrate(connection: Connection) -> None:
    """Run the migrations that the database has not seen."""
    if not _ready(connection):  # another process may have done so while we waited
        command.upgrade(_config(connection), "head")


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    folder = Path(__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
