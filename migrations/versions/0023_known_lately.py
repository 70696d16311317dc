"""All addresses that a company called from lately, and not only the last.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("company", sa.Column("known_from", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("company", "known_from")
