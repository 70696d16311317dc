"""When a company is housekept next, and which answers our program failed on.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "company", sa.Column("housekeep_at", sa.DateTime(timezone=True), nullable=True)
    )
    # What is overdue from the start: the first worker that looks does it.
    op.execute("UPDATE company SET housekeep_at = created_at")
    op.create_index("ix_company_housekeep_at", "company", ["housekeep_at"])
    op.add_column(
        "exchange", sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_exchange_failed",
        "exchange",
        ["company_id", "id"],
        sqlite_where=sa.text("failed_at IS NOT NULL"),
        postgresql_where=sa.text("failed_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_exchange_failed", table_name="exchange")
    op.drop_column("exchange", "failed_at")
    op.drop_index("ix_company_housekeep_at", table_name="company")
    op.drop_column("company", "housekeep_at")
