"""What Prometheus is told: two views that hold only numbers, and since when work waits.

The views belong to whoever migrates and count all companies, which row-level security
would hide from the server's role. That role may read them: there is nothing of any
company in them.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# The conditions are those of partial indexes: open work is a small part of its table.
VIEWS = {
    "figures_of_work": """
SELECT
    'job' AS what,
    j.state,
    count(*) AS number,
    min(CASE WHEN c.mode <> 'paused' AND c.late_at IS NULL THEN j.created_at END)
        AS oldest
FROM job j
JOIN company c ON c.id = j.company_id
WHERE j.state NOT IN ('done', 'cancelled')
GROUP BY j.state
UNION ALL
SELECT 'session', s.state, count(*), min(s.started_at)
FROM session s
WHERE s.state <> 'closed'
GROUP BY s.state
UNION ALL
SELECT 'call', m.state, count(*), min(m.created_at)
FROM mosaic_call m
WHERE m.settled_at IS NULL
GROUP BY m.state
UNION ALL
SELECT 'callback', '', count(*), min(b.received_at)
FROM mosaic_callback b
WHERE b.handled_at IS NULL
UNION ALL
SELECT 'answer', '', count(*), min(x.failed_at)
FROM exchange x
WHERE x.failed_at IS NOT NULL
""",
    "figures_of_records": """
SELECT r.kind, r.state, count(*) AS number
FROM record r
GROUP BY r.kind, r.state
""",
}


def upgrade() -> None:
    for table in ("job", "mosaic_call"):
        op.add_column(
            table, sa.Column("due_since", sa.DateTime(timezone=True), nullable=True)
        )
    for name, text in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {text.strip()}")
    if op.get_context().dialect.name == "postgresql":
        for name in VIEWS:
            op.execute(f"REVOKE ALL ON {name} FROM qbwc_app")
            op.execute(f"GRANT SELECT ON {name} TO qbwc_app")


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    for table in ("mosaic_call", "job"):
        op.drop_column(table, "due_since")
