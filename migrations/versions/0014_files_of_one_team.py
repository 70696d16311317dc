"""Which company file of a Mosaic team an hour in Mosaic belongs to.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COMPANY = "CAST(current_setting('qbwc.company') AS bigint)"
# Whoever is of a team with another file begins to claim its hours.
SHARED = """
UPDATE company SET time_claims = 'due' WHERE EXISTS (
    SELECT 1 FROM company other
    WHERE other.id <> company.id
    AND lower(other.mosaic_url) = lower(company.mosaic_url)
    AND other.mosaic_team = company.mosaic_team
)
"""


def upgrade() -> None:
    op.add_column(
        "company",
        sa.Column("time_claims", sa.Text(), server_default="none", nullable=False),
    )
    op.create_table(
        "time_claim",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("mosaic_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("held_by", sa.BigInteger(), nullable=True),
        sa.Column("txn_hash", sa.Text(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("team", "mosaic_id", name=op.f("pk_time_claim")),
    )
    hashed = sa.text("txn_hash IS NOT NULL")
    op.create_index(
        "ix_time_claim_txn_hash",
        "time_claim",
        ["team", "txn_hash"],
        sqlite_where=hashed,
        postgresql_where=hashed,
    )
    op.create_index("ix_time_claim_held_by", "time_claim", ["held_by"])
    op.create_table(
        "time_rule",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("held_by", sa.BigInteger(), nullable=False),
        sa.Column("said_by", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "team", "member_id", "project_id", name=op.f("pk_time_rule")
        ),
    )
    op.execute(SHARED)
    if op.get_context().dialect.name != "postgresql":
        return
    # Companies of a team read each other's claims, which are numbers alone; each
    # writes its own, and may take what a company left that was forgotten.
    claimed = f"held_by = {COMPANY} OR held_by IS NULL"
    said = f"said_by = {COMPANY} OR held_by = {COMPANY}"
    for table, own in (("time_claim", claimed), ("time_rule", said)):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY all_read ON {table} FOR SELECT USING (true)")
        op.execute(f"CREATE POLICY own ON {table} USING ({own})")


def downgrade() -> None:
    op.drop_table("time_rule")
    op.drop_table("time_claim")
    op.drop_column("company", "time_claims")
