"""Between which moments each side changed a field of a time entry.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("record", sa.Column("edited", _JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("record", "edited")
