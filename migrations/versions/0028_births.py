"""When each side says that it made a time entry, kept with its record.

What is known already gets none: only what was made lately is compared by it.

Revision ID: 0028
Revises: 0027
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("time_created", sa.Text),
        sa.Column("txn_number", sa.BigInteger),
        sa.Column("mosaic_created_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("record", column)


def downgrade() -> None:
    for name in ("mosaic_created_at", "txn_number", "time_created"):
        op.drop_column("record", name)
