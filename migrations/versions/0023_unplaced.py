"""Hours of Mosaic that wait for what QuickBooks does not have are told as such.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
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
LEFT JOIN word w ON w.topic = r.kind AND w.name = CASE
    WHEN r.unread IS NOT NULL AND r.state = 'refused' THEN 'unread'{closer}
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
    WHEN r.kind = 'time_entry' AND r.state = 'unlinked' AND r.waits_for IS NOT NULL
        AND r.quickbooks_id IS NULL THEN 'unplaced'"""


def upgrade() -> None:
    _make_view(CLOSER)


def downgrade() -> None:
    _make_view("")


def _make_view(closer: str) -> None:
    text = COLUMNS.format(closer=closer).strip()
    if op.get_context().dialect.name == "postgresql":
        # In its place, with the same columns: who may read it goes on reading.
        op.execute(f"CREATE OR REPLACE VIEW support_records AS {text}")
    else:
        op.execute("DROP VIEW support_records")
        op.execute(f"CREATE VIEW support_records AS {text}")
