"""The support console: who may use it, who did, and what happened to jobs.

The server may not make itself a token, nor let one act: on PostgreSQL only the owner of
the tables writes those columns.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STEPS = """
SELECT
    coalesce(e.from_state || ' to ', '') || e.to_state AS what,
    e.reason AS why,
    e.by AS who,
    e.at,
    j.summary AS about,
    c.name AS company,
    e.company_id,
    e.company_id || '-' || e.job_id AS job,
    e.job_id,
    e.id AS event_id
FROM job_event e
JOIN company c ON c.id = e.company_id
LEFT JOIN job j ON j.company_id = e.company_id AND j.id = e.job_id
"""


def upgrade() -> None:
    op.create_table(
        "support_token",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("may_act", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_login_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("login_from", sa.Text(), nullable=True),
        sa.Column("round", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_support_token")),
    )
    op.create_table(
        "support_login",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("peer", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "hour", "who", "what", "peer", name=op.f("pk_support_login")
        ),
    )
    there = sa.text("external_guid IS NOT NULL")
    op.create_index(
        "ix_record_external_guid",
        "record",
        ["external_guid"],
        sqlite_where=there,
        postgresql_where=there,
    )
    op.execute(f"CREATE VIEW support_steps AS {STEPS.strip()}")
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("REVOKE ALL ON support_steps FROM qbwc_app")
    op.execute("GRANT SELECT ON support_steps TO qbwc_support")
    op.execute("REVOKE INSERT, UPDATE, DELETE ON support_token FROM qbwc_app")
    op.execute(
        "GRANT UPDATE (token_hash, login_from, last_login_at, round) ON support_token TO qbwc_app"
    )


def downgrade() -> None:
    op.execute("DROP VIEW support_steps")
    op.drop_index("ix_record_external_guid", table_name="record")
    op.drop_table("support_login")
    op.drop_table("support_token")
