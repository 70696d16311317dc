"""Former ids of records, the trouble that was told last, and times in the file's clock.

A TxnID or a number that a record had before it was made again, joined or linked anew
finds it for ever: in a table of its own, whose index costs no other write anything.

Revision ID: 0033
Revises: 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

COMPANY = "CAST(current_setting('qbwc.company') AS bigint)"
# What the histories tell already: each id that an event names and its record has not.
KNOWN = """
INSERT INTO former_id (company_id, side, value, record_id, at)
SELECT e.company_id, '{side}', e.detail ->> '{key}', e.record_id, max(e.at)
FROM record_event e
JOIN record r ON r.company_id = e.company_id AND r.id = e.record_id
WHERE e.detail ->> '{key}' IS NOT NULL AND {told}
    AND (r.{column} IS NULL OR e.detail ->> '{key}' <> CAST(r.{column} AS text))
GROUP BY e.company_id, e.detail ->> '{key}', e.record_id
ON CONFLICT DO NOTHING
"""
_OBJECT = {
    "postgresql": "jsonb_typeof(e.detail) = 'object'",
    "sqlite": "json_type(e.detail) = 'object'",
}
TOLD = (
    ("quickbooks", "quickbooks_id", "txn_id", "1 = 1"),
    ("quickbooks", "quickbooks_id", "before", "e.what = 'typed again in QuickBooks'"),
    ("mosaic", "mosaic_id", "mosaic_id", "1 = 1"),
)
_LOCAL = {
    "postgresql": "to_char({at} AT TIME ZONE 'UTC' + c.offset_minutes"
    " * INTERVAL '1 minute', 'YYYY-MM-DD HH24:MI:SS')",
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', {at}, c.offset_minutes || ' minutes')",
}
CLOCKED = {
    "support_history": ("e.at", "local_at", "record_event e"),
    "support_audit": ("a.at", "local_at", "audit a"),
    "support_steps": ("e.at", "local_at", "job_event e"),
    "support_exchanges": ("x.sent_at", "local_sent_at", "exchange x"),
}
CLOCKS = """
SELECT c.name AS company, 'The computer of ' || c.name AS what, c.offset_minutes,
    c.id AS company_id
FROM company c
"""
FORMER = """
SELECT
    c.name AS company,
    f.value,
    f.side,
    replace(r.kind, '_', ' ') || ' ' || r.name AS what,
    f.at,
    f.company_id,
    f.company_id || '-' || f.record_id AS record,
    f.record_id
FROM former_id f
JOIN company c ON c.id = f.company_id
LEFT JOIN record r ON r.company_id = f.company_id AND r.id = f.record_id
"""


def upgrade() -> None:
    dialect = op.get_context().dialect.name
    op.add_column("record", sa.Column("trouble", sa.Text(), nullable=True))
    op.execute(
        "UPDATE record SET trouble = state "
        "WHERE state IN ('refused', 'conflict', 'locked')"
    )
    op.create_table(
        "former_id",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "side IN ('quickbooks', 'mosaic', 'guid', 'record')",
            name=op.f("ck_former_id_side"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_former_id_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "side", "value", "record_id", name=op.f("pk_former_id")
        ),
    )
    op.create_index("ix_former_id_value", "former_id", ["value"])
    op.create_index("ix_former_id_record", "former_id", ["company_id", "record_id"])
    for side, column, key, when in TOLD:
        told = f"{_OBJECT[dialect]} AND {when}"
        op.execute(KNOWN.format(side=side, column=column, key=key, told=told))
    if dialect == "postgresql":
        op.execute("ALTER TABLE former_id ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY one_company ON former_id USING (company_id = {COMPANY})"
        )
    for name, (at, column, table) in CLOCKED.items():
        before = f"\nFROM {table}\n"
        local = _LOCAL[dialect].format(at=at)
        after = f",\n    {local} AS {column}{before}"
        op.execute(f"DROP VIEW {name}")
        _make(name, _as_it_was(name).replace(before, after))
    _make("support_clocks", CLOCKS)
    _make("support_former_ids", FORMER)


def downgrade() -> None:
    op.execute("DROP VIEW support_former_ids")
    op.execute("DROP VIEW support_clocks")
    for name in CLOCKED:
        op.execute(f"DROP VIEW {name}")
        _make(name, _as_it_was(name))
    op.drop_table("former_id")
    op.drop_column("record", "trouble")


def _as_it_was(name: str) -> str:
    script = op.get_context().script
    if script is None:
        raise RuntimeError
    if name == "support_steps":
        return str(script.get_revision("0010").module.STEPS)
    return str(script.get_revision("0008").module.VIEWS[name])


def _make(name: str, text: str) -> None:
    op.execute(f"CREATE VIEW {name} AS {text.strip()}")
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"REVOKE ALL ON {name} FROM qbwc_app")
        op.execute(f"GRANT SELECT ON {name} TO qbwc_support")
