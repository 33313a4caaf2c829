"""The tables of the store; their names begin with ours, because a database may be shared with other programs."""

from sqlalchemy import BigInteger, Column, Float, MetaData, String, Table, Text

__all__ = ["LEASES", "NAMES", "RUNS", "TABLES", "VERSION_TABLE"]

VERSION_TABLE = "sparring_version"
"""Where alembic keeps which migration the database is at."""

TABLES = MetaData()

RUNS = Table(
    "sparring_runs",
    TABLES,
    Column("root", Text, primary_key=True),  # folder of the run folders, absolute
    Column("folder", Text, primary_key=True),  # relative to it
    Column("stamp", Text, nullable=False),  # sizes and times of the files that the rest was read from
    Column("number", BigInteger, nullable=False),
    Column("date", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("threat", Text, nullable=False),
    Column("suite", Text, nullable=False),
    Column("samples", BigInteger),
    Column("clean_correct", BigInteger),
    Column("robust", BigInteger),
    Column("seconds", Float),
    Column("fault", Text),
)

NAMES = Table(
    "sparring_names",
    TABLES,
    Column("root", Text, primary_key=True),
    Column("folder", Text, primary_key=True),
    Column("name", String(100), primary_key=True),
    Column("turn", BigInteger, nullable=False),  # the latest claim of a name has the highest
)

LEASES = Table(
    "sparring_leases",
    TABLES,
    Column("run", String(64), primary_key=True),
    Column("shard", BigInteger, primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("beats", BigInteger, nullable=False),  # a heart beats as long as it stands higher at each look
)
