"""What is told of the time that filling Mosaic still takes is kept: it does not rise.

Revision ID: 0045
Revises: 0044
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("company", sa.Column("filling", _JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("company", "filling")
