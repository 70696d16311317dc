"""What people say about entries that are one or two, and what was joined since.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COMPANY = "CAST(current_setting('qbwc.company') AS bigint)"
TABLES = ("said", "joined")


def upgrade() -> None:
    op.add_column(
        "company", sa.Column("both_known_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column(
        "mosaic_call",
        sa.Column(
            "asked",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
    )
    op.create_table(
        "said",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quickbooks_id", sa.Text(), nullable=False),
        sa.Column("mosaic_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "word IN ('one', 'two', 'asked')", name=op.f("ck_said_word")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_said_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "quickbooks_id", "mosaic_id", name=op.f("pk_said")
        ),
    )
    op.create_index("ix_said_mosaic_id", "said", ["company_id", "mosaic_id"])
    op.create_table(
        "joined",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_joined_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "record_id", name=op.f("pk_joined")),
    )
    unseen = sa.text("seen_at IS NULL")
    op.create_index(
        "ix_joined_unseen",
        "joined",
        ["company_id", "record_id"],
        sqlite_where=unseen,
        postgresql_where=unseen,
    )
    if op.get_context().dialect.name != "postgresql":
        return
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY one_company ON {table} USING (company_id = {COMPANY})"
        )


def downgrade() -> None:
    op.drop_table("joined")
    op.drop_table("said")
    op.drop_column("mosaic_call", "asked")
    op.drop_column("company", "both_known_at")
