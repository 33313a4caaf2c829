"""What a watchman remembers: fingerprints by account and time, in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
)
from sqlalchemy.exc import DBAPIError

from sparring.errors import DataError
from sparring.storage.index.store import connected, said

__all__ = ["Memory", "opened_memory"]

TABLES = MetaData()
QUERIES = Table(
    "sparring_queries",
    TABLES,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account", String(200), nullable=False),
    Column("time", Float(53), nullable=False),
    Index("sparring_queries_by_time", "account", "time"),
)
PRINTS = Table(
    "sparring_prints",
    TABLES,
    Column("account", String(200), primary_key=True),
    Column("print", BigInteger, primary_key=True),
    Column("query", BigInteger, primary_key=True),
)


@dataclass(frozen=True)
class Memory:
    """Queries of accounts; `store` has the tables."""

    store: Engine

    def most_alike(self, account: str, prints: Sequence[int], since: float) -> int:
        """The most numbers that an earlier query of the account, not older than `since`, has in common with these.

        Raises:
            DataError: The store does not answer.
        """
        shared = (
            select(func.count().label("shared"))
            .join(QUERIES, QUERIES.c.number == PRINTS.c.query)
            .where(PRINTS.c.account == account, PRINTS.c.print.in_(list(prints)), QUERIES.c.time >= since)
            .group_by(PRINTS.c.query)
            .subquery()
        )
        try:
            with self.store.connect() as connection:
                return int(connection.execute(select(func.max(shared.c.shared))).scalar() or 0)
        except DBAPIError as error:
            raise DataError(said(self.store, error)) from error

    def remember(self, account: str, prints: Sequence[int], time: float) -> None:
        """Write a query down, with its numbers, no two equal.

        Raises:
            DataError: The store does not answer.
        """
        try:
            with self.store.begin() as connection:
                row = connection.execute(insert(QUERIES).values(account=account, time=time))
                number = row.inserted_primary_key[0] if row.inserted_primary_key else None
                rows = [{"account": account, "print": each, "query": number} for each in prints]
                connection.execute(insert(PRINTS), rows)
        except DBAPIError as error:
            raise DataError(said(self.store, error)) from error

    def forget(self, before: float) -> int:
        """Clear what is older; returns how many queries that were."""
        old = select(QUERIES.c.number).where(QUERIES.c.time < before)
        with self.store.begin() as connection:
            connection.execute(delete(PRINTS).where(PRINTS.c.query.in_(old)))
            return connection.execute(delete(QUERIES).where(QUERIES.c.time < before)).rowcount


def opened_memory(url: str) -> Memory:
    """A memory in a database, whose tables are made if need be.

    Args:
        url: `sqlite:///watch.sqlite`, `sqlite://` for one that is gone with the process, `postgresql://user@host/name`.

    Raises:
        DataError: The database cannot be used.
        UsageError: It is no URL.
    """
    engine = connected(url)
    try:
        TABLES.create_all(engine)
    except DBAPIError as error:
        engine.dispose()
        raise DataError(said(engine, error)) from error
    return Memory(engine)
