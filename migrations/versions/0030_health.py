"""Our own servers and workers as support sees them, now and in the past.

A gap without a heartbeat is kept as an outage; wrong passwords are kept with the address
that they came from, and whether a company's Web Connector calls from there.

Revision ID: 0030
Revises: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

COMPANY = "CAST(current_setting('qbwc.company') AS bigint)"
_NONE = "CASE WHEN 1 = 0 THEN 1 END"
_NEVER = "CASE WHEN 1 = 0 THEN h.at END"
HEALTH = f"""
SELECT h.name AS part, h.name AS what, h.up_since AS since, h.at AS last_seen_at,
    {_NONE} AS companies, {_NONE} AS not_reached, {_NONE} AS waiting,
    {_NEVER} AS oldest_at
FROM heartbeat h
UNION ALL
SELECT 'mosaic', c.mosaic_url, min(a.began_at), max(a.seen_at), count(*), count(a.id),
    {_NONE}, {_NEVER.replace("h.at", "min(a.began_at)")}
FROM company c
LEFT JOIN attention a ON a.company_id = c.id AND a.reason = 'mosaic-unavailable'
    AND a.ended_at IS NULL
WHERE c.mosaic_key IS NOT NULL
GROUP BY c.mosaic_url
UNION ALL
SELECT 'deliveries', 'Work of the workers that is due or planned',
    {_NEVER.replace("h.at", "min(d.deliver_at)")},
    {_NEVER.replace("h.at", "min(d.deliver_at)")}, {_NONE}, {_NONE}, count(*),
    min(d.deliver_at)
FROM duty d
WHERE d.deliver_at IS NOT NULL
"""  # noqa: S608 - our own names
OUTAGES = """
SELECT o.name AS part, o.name AS what, 'No ' || o.name || ' of ours was up.' AS why,
    o.began_at AS since, o.ended_at AS until, 'outage' AS reason,
    CASE WHEN 1 = 0 THEN o.name END AS company,
    CASE WHEN 1 = 0 THEN 1 END AS company_id
FROM outage o
UNION ALL
SELECT CASE WHEN a.place = 7 THEN 'mosaic' WHEN a.place < 2 THEN 'stop'
        ELSE 'company' END,
    c.name,
    CASE WHEN a.text = '' THEN a.reason ELSE a.text END, a.began_at, a.ended_at,
    a.reason, c.name, c.id
FROM attention a JOIN company c ON c.id = a.company_id
UNION ALL
SELECT 'company', c.name, 'Web Connector does not call.', c.late_at,
    CASE WHEN 1 = 0 THEN c.late_at END, 'late', c.name, c.id
FROM company c
WHERE c.late_at IS NOT NULL
"""
FAILED_LOGINS = """
SELECT c.name AS company, 'Wrong password of ' || c.name AS what, f.address, f.whose, f.first_at, f.last_at, f.times,
    c.last_seen_at, c.id AS company_id
FROM failed_login f JOIN company c ON c.id = f.company_id
"""
VIEWS = {
    "support_health": HEALTH,
    "support_outages": OUTAGES,
    "support_failed_logins": FAILED_LOGINS,
}


def upgrade() -> None:
    op.create_table(
        "outage",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "began_at", name=op.f("pk_outage")),
    )
    op.create_table(
        "failed_login",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("whose", sa.Text(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_failed_login_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "address", name=op.f("pk_failed_login")),
    )
    postgresql = op.get_context().dialect.name == "postgresql"
    if postgresql:
        op.execute("ALTER TABLE failed_login ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY one_company ON failed_login USING (company_id = {COMPANY})"
        )
    for name, text in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {text.strip()}")
        if postgresql:
            op.execute(f"REVOKE ALL ON {name} FROM qbwc_app")
            op.execute(f"GRANT SELECT ON {name} TO qbwc_support")


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    op.drop_table("failed_login")
    op.drop_table("outage")
