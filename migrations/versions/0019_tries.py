"""How often Mosaic failed on a record.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COLUMNS = """
SELECT
    replace(r.kind, '_', ' ') || ' ' || r.name AS what,
    r.state,
    coalesce(r.reason, w.happened) AS why,
    w.who_must_act,
    w.next_step,
    r.changed_at AS since,
    c.name AS company,
    r.company_id,
    r.company_id || '-' || r.id AS record,
    r.id AS record_id,
    r.kind,
    r.name,
    r.day,
    r.quickbooks_id,
    r.edit_sequence,
    r.time_modified,
    r.external_guid,
    r.mosaic_type,
    r.mosaic_id,
    r.quickbooks_gone,
    r.mosaic_gone,
    r.parent_id,
    r.waits_for,
    r.choice,
    r.due_at,
    r.attempt,
    r.quickbooks,
    r.mosaic,
    r.agreed,
    r.conflict,
    r.created_at,
    r.restored,
    r.lost{more}
FROM record r
JOIN company c ON c.id = r.company_id
LEFT JOIN word w ON w.topic = r.kind AND w.name = CASE
    WHEN r.restored = 'copy' AND r.state = 'refused' THEN 'perhaps_known'
    WHEN r.restored IS NOT NULL AND r.state = 'refused' THEN 'restored'
    WHEN r.restored <> 'copy' AND r.state = 'gone' THEN 'left'{closer}
    WHEN r.state = 'unlinked' AND r.waits_for IS NOT NULL THEN 'waits'
    WHEN r.state = 'unlinked' AND r.choice = 'later' THEN 'later'
    ELSE r.state
END
"""
MORE = """,
    r.failures"""
CLOSER = """
    WHEN r.failures >= 5 AND r.state = 'refused' THEN 'fails'"""


def upgrade() -> None:
    op.add_column(
        "record",
        sa.Column("failures", sa.Integer(), nullable=False, server_default="0"),
    )
    text = COLUMNS.format(more=MORE, closer=CLOSER).strip()
    if op.get_context().dialect.name == "postgresql":
        # In its place, columns at the end: who may read it goes on reading.
        op.execute(f"CREATE OR REPLACE VIEW support_records AS {text}")
    else:
        op.execute("DROP VIEW support_records")
        op.execute(f"CREATE VIEW support_records AS {text}")


def downgrade() -> None:
    op.execute("DROP VIEW support_records")
    text = COLUMNS.format(more="", closer="").strip()
    op.execute(f"CREATE VIEW support_records AS {text}")
    if op.get_context().dialect.name == "postgresql":
        op.execute("REVOKE ALL ON support_records FROM qbwc_app")
        op.execute("GRANT SELECT ON support_records TO qbwc_support")
    op.drop_column("record", "failures")
