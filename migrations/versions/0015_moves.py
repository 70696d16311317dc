"""What a planned write may mind: a count of changes, and what of Mosaic was read lately.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column(
        "company_sequence",
        sa.Column("moves", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column("company", sa.Column("relinks_from", sa.BigInteger(), nullable=True))
    op.add_column("reading", sa.Column("lately", _JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("reading", "lately")
    op.drop_column("company", "relinks_from")
    op.drop_column("company_sequence", "moves")
