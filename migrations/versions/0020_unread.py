"""Why QuickBooks' newest form of a record could not be read.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
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
    r.lost,
    r.failures
FROM record r
JOIN company c ON c.id = r.company_id
LEFT JOIN word w ON w.topic = r.kind AND w.name = CASE{closer}
    WHEN r.restored = 'copy' AND r.state = 'refused' THEN 'perhaps_known'
    WHEN r.restored IS NOT NULL AND r.state = 'refused' THEN 'restored'
    WHEN r.restored <> 'copy' AND r.state = 'gone' THEN 'left'
    WHEN r.failures >= 5 AND r.state = 'refused' THEN 'fails'
    WHEN r.state = 'unlinked' AND r.waits_for IS NOT NULL THEN 'waits'
    WHEN r.state = 'unlinked' AND r.choice = 'later' THEN 'later'
    ELSE r.state
END
"""
CLOSER = """
    WHEN r.unread IS NOT NULL AND r.state = 'refused' THEN 'unread'"""


def upgrade() -> None:
    op.add_column("record", sa.Column("unread", sa.Text(), nullable=True))
    text = COLUMNS.format(closer=CLOSER).strip()
    if op.get_context().dialect.name == "postgresql":
        # In its place, with the same columns: who may read it goes on reading.
        op.execute(f"CREATE OR REPLACE VIEW support_records AS {text}")
    else:
        op.execute("DROP VIEW support_records")
        op.execute(f"CREATE VIEW support_records AS {text}")


def downgrade() -> None:
    op.execute("DROP VIEW support_records")
    op.execute(f"CREATE VIEW support_records AS {COLUMNS.format(closer='').strip()}")
    if op.get_context().dialect.name == "postgresql":
        op.execute("REVOKE ALL ON support_records FROM qbwc_app")
        op.execute("GRANT SELECT ON support_records TO qbwc_support")
    op.drop_column("record", "unread")
