"""Of what was taken for one it is kept whether each side has shown it since.

An entry that was deleted a moment before it was joined with an equal one is not the
deletion of both. What was joined before this counts as shown.

Revision ID: 0039
Revises: 0038
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_COLUMNS = ("stood_in_quickbooks_at", "stood_in_mosaic_at")


def upgrade() -> None:
    for name in _COLUMNS:
        moment = sa.DateTime(timezone=True)
        op.add_column("joined", sa.Column(name, moment, nullable=True))
    joined = sa.table("joined", *map(sa.column, ("at", *_COLUMNS)))
    op.execute(joined.update().values(dict.fromkeys(_COLUMNS, joined.c.at)))
    condition = sa.text("stood_in_quickbooks_at IS NULL OR stood_in_mosaic_at IS NULL")
    op.create_index(
        "ix_joined_not_stood",
        "joined",
        ["company_id", "record_id"],
        postgresql_where=condition,
        sqlite_where=condition,
    )


def downgrade() -> None:
    op.drop_index("ix_joined_not_stood", table_name="joined")
    for name in _COLUMNS:
        op.drop_column("joined", name)
