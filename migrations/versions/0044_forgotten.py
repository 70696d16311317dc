"""That a company was forgotten stays known: its number, when, and by whom.

Nothing else of it: no name. Only who owns the tables sees it.

Revision ID: 0044
Revises: 0043
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forgotten_company",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", "at", name=op.f("pk_forgotten_company")),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute("REVOKE ALL ON forgotten_company FROM qbwc_app")


def downgrade() -> None:
    op.drop_table("forgotten_company")
