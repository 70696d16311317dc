"""Whether what Mosaic had before a company went live enters QuickBooks.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Companies of before are live, or go live by a preview that tells it.
    column = sa.Column("before_live", sa.Text(), server_default="add", nullable=False)
    op.add_column("company", column)


def downgrade() -> None:
    op.drop_column("company", "before_live")
