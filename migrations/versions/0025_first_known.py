"""When all time of both sides was known first, however often a backup is restored.

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("first_known_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("company", column)
    company = sa.table("company", *map(sa.column, ("both_known_at", "first_known_at")))
    op.execute(company.update().values(first_known_at=company.c.both_known_at))


def downgrade() -> None:
    op.drop_column("company", "first_known_at")
