"""The address from which a company's right password was last given, as a hash.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("company", sa.Column("login_from", sa.Text(), nullable=True))
    op.create_index("ix_company_login_from", "company", ["login_from"])
    op.create_index("ix_login_failure_last_at", "login_failure", ["last_at"])


def downgrade() -> None:
    op.drop_index("ix_login_failure_last_at", table_name="login_failure")
    op.drop_index("ix_company_login_from", table_name="company")
    op.drop_column("company", "login_from")
