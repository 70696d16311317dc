"""Records whose sides differed are found without reading the others.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    there = sa.text("conflict IS NOT NULL")
    op.create_index(
        "ix_record_conflict",
        "record",
        ["company_id", "id"],
        sqlite_where=there,
        postgresql_where=there,
    )


def downgrade() -> None:
    op.drop_index("ix_record_conflict", table_name="record")
