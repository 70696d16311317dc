"""What a restored backup did to a record, and which copy a company goes on from.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
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
    r.created_at{more}
FROM record r
JOIN company c ON c.id = r.company_id
LEFT JOIN word w ON w.topic = r.kind AND w.name = CASE{closer}
    WHEN r.state = 'unlinked' AND r.waits_for IS NOT NULL THEN 'waits'
    WHEN r.state = 'unlinked' AND r.choice = 'later' THEN 'later'
    ELSE r.state
END
"""
MORE = """,
    r.restored,
    r.lost"""
CLOSER = """
    WHEN r.restored = 'copy' AND r.state = 'refused' THEN 'perhaps_known'
    WHEN r.restored IS NOT NULL AND r.state = 'refused' THEN 'restored'
    WHEN r.restored <> 'copy' AND r.state = 'gone' THEN 'left'"""


def upgrade() -> None:
    op.add_column("record", sa.Column("restored", sa.Text(), nullable=True))
    op.add_column("record", sa.Column("lost", _json(), nullable=True))
    op.add_column("company", sa.Column("copied", _json(), nullable=True))
    marked = sa.text("restored IS NOT NULL")
    op.create_index(
        "ix_record_restored",
        "record",
        ["company_id", "id"],
        sqlite_where=marked,
        postgresql_where=marked,
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
    op.drop_index("ix_record_restored", table_name="record")
    op.drop_column("company", "copied")
    op.drop_column("record", "lost")
    op.drop_column("record", "restored")


def _json() -> sa.JSON:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
