"""What we added to QuickBooks is found by its day, among all that QuickBooks has there.

Revision ID: 0036
Revises: 0035
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    condition = sa.text("external_guid IS NOT NULL")
    op.create_index(
        "ix_record_ours",
        "record",
        ["company_id", "day"],
        postgresql_where=condition,
        sqlite_where=condition,
    )


def downgrade() -> None:
    op.drop_index("ix_record_ours", table_name="record")
