"""Runs, names and leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the three tables."""
    op.create_table(
        "sparring_runs",
        sa.Column("root", sa.Text, primary_key=True),
        sa.Column("folder", sa.Text, primary_key=True),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("date", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("threat", sa.Text, nullable=False),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("samples", sa.BigInteger),
        sa.Column("clean_correct", sa.BigInteger),
        sa.Column("robust", sa.BigInteger),
        sa.Column("seconds", sa.Float),
        sa.Column("fault", sa.Text),
    )
    op.create_table(
        "sparring_names",
        sa.Column("root", sa.Text, primary_key=True),
        sa.Column("folder", sa.Text, primary_key=True),
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("turn", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "sparring_leases",
        sa.Column("run", sa.String(64), primary_key=True),
        sa.Column("shard", sa.BigInteger, primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("beats", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop them: all that they hold can be read from the run folders again."""
    for name in ("sparring_leases", "sparring_names", "sparring_runs"):
        op.drop_table(name)
