"""An earlier moment of our own database is noticed, whoever put it there.

Where the database was noted last, and in which epoch each company was compared with
both sides. A company that is added by the program before this one is compared once.

Revision ID: 0043
Revises: 0042
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "database_mark",
        sa.Column("one", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("installation", sa.Text(), server_default="", nullable=False),
        sa.Column("timeline", sa.Text(), server_default="", nullable=False),
        sa.Column("database", sa.Text(), server_default="", nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("beats", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("handover_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noticed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_database_mark")),
    )
    op.execute("INSERT INTO database_mark (one) VALUES (TRUE)")
    op.add_column(
        "company_sequence",
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute("REVOKE INSERT, DELETE ON database_mark FROM qbwc_app")


def downgrade() -> None:
    op.drop_column("company_sequence", "epoch")
    op.drop_table("database_mark")
