"""What a record waits for besides the first thing.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

COLUMNS = ("waits_for_second", "waits_for_third")


def upgrade() -> None:
    for column in COLUMNS:
        op.add_column("record", sa.Column(column, sa.Text(), nullable=True))
        awaited = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_record_{column}",
            "record",
            ["company_id", column],
            sqlite_where=awaited,
            postgresql_where=awaited,
        )
    # Reasons that were written before name what has come since: said anew, once.
    op.execute(
        "UPDATE record SET due_at = changed_at "
        "WHERE kind = 'time_entry' AND state IN ('unlinked', 'do_not_link') "
        "AND waits_for IS NOT NULL AND due_at IS NULL"
    )


def downgrade() -> None:
    for column in COLUMNS:
        op.drop_index(f"ix_record_{column}", "record")
        op.drop_column("record", column)
