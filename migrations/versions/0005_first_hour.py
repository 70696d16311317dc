"""Setup links that expire, pauses that are undone, silence that is noticed.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENTS = ("setup_expires_at", "check_at", "late_at", "notice_at")
_TEXTS = ("mode_before_pause", "notice", "notice_id", "notice_left")


def upgrade() -> None:
    for name in _MOMENTS:
        op.add_column(
            "company", sa.Column(name, sa.DateTime(timezone=True), nullable=True)
        )
    for name in _TEXTS:
        op.add_column("company", sa.Column(name, sa.Text(), nullable=True))
    op.add_column(
        "company",
        sa.Column("notice_tries", sa.Integer(), server_default="0", nullable=False),
    )
    # Who has called before is missed from now on, too.
    op.execute("UPDATE company SET check_at = last_seen_at")
    op.create_index("ix_company_check_at", "company", ["check_at"])
    op.create_index("ix_company_notice_at", "company", ["notice_at"])
    op.create_table(
        "heartbeat",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("up_since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )


def downgrade() -> None:
    op.drop_table("heartbeat")
    op.drop_index("ix_company_notice_at", "company")
    op.drop_index("ix_company_check_at", "company")
    for name in ("notice_tries", *reversed(_TEXTS), *reversed(_MOMENTS)):
        op.drop_column("company", name)
