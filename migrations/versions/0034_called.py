"""What is called how, found in all companies by how its name begins, in whatever case.

Only people, customers, items and the like are in it: no row of time is, so reading and
writing time costs what it did.

Revision ID: 0034
Revises: 0033
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_context().dialect.name != "postgresql":
        return
    op.create_index(
        "ix_record_called",
        "record",
        [sa.func.lower(sa.column("name")).label("called")],
        postgresql_where=sa.text("kind <> 'time_entry'"),
        postgresql_ops={"called": "text_pattern_ops"},
    )


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_index("ix_record_called", table_name="record")
