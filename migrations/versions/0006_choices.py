"""What people choose for records, what companies of one team have, kept previews.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(
    postgresql.JSONB(none_as_null=True), "postgresql"
)
NEEDS = "state = 'unlinked' AND waits_for IS NULL"
COMPANY = "CAST(current_setting('qbwc.company') AS bigint)"


def upgrade() -> None:
    op.add_column("record", sa.Column("choice", sa.Text(), nullable=True))
    op.execute(
        "UPDATE record SET choice = 'none' "
        "WHERE state = 'do_not_link' AND kind <> 'time_entry'"
    )
    op.create_index(
        "ix_record_needs",
        "record",
        ["company_id", "kind", "id"],
        sqlite_where=sa.text(NEEDS),
        postgresql_where=sa.text(NEEDS),
    )
    # Filled when Mosaic's lists are read next.
    op.add_column(
        "mosaic_object",
        sa.Column("near_key", sa.Text(), server_default="", nullable=False),
    )
    op.create_index(
        "ix_mosaic_object_near",
        "mosaic_object",
        ["company_id", "data_type", "near_key"],
    )
    op.add_column(
        "company", sa.Column("preview_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.execute("UPDATE company SET preview_at = created_at")
    op.create_index("ix_company_preview_at", "company", ["preview_at"])
    op.create_table(
        "preview_result",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("result", JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_preview_result_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_preview_result")),
    )
    op.create_table(
        "mosaic_claim",
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("data_type", sa.Text(), nullable=False),
        sa.Column("mosaic_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("meant", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "team", "data_type", "mosaic_id", "holder", name=op.f("pk_mosaic_claim")
        ),
    )
    op.create_index("ix_mosaic_claim_holder", "mosaic_claim", ["holder"])
    op.execute(
        "INSERT INTO mosaic_claim (team, data_type, mosaic_id, holder, since) "
        "SELECT lower(company.mosaic_url) || ' ' || company.mosaic_team, "
        "record.mosaic_type, record.mosaic_id, company.id, record.created_at "
        "FROM record JOIN company ON company.id = record.company_id "
        "WHERE record.mosaic_id IS NOT NULL AND record.mosaic_type <> 'time_entry'"
    )
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE preview_result ENABLE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY one_company ON preview_result USING (company_id = {COMPANY})"
    )
    # Companies of a team see each other's claims, which name nothing; each writes and
    # takes back its own alone.
    op.execute("ALTER TABLE mosaic_claim ENABLE ROW LEVEL SECURITY")
    op.execute("CREATE POLICY all_read ON mosaic_claim FOR SELECT USING (true)")
    op.execute(f"CREATE POLICY own ON mosaic_claim USING (holder = {COMPANY})")


def downgrade() -> None:
    op.drop_table("mosaic_claim")
    op.drop_table("preview_result")
    op.drop_index("ix_company_preview_at", table_name="company")
    op.drop_column("company", "preview_at")
    op.drop_index("ix_mosaic_object_near", table_name="mosaic_object")
    op.drop_column("mosaic_object", "near_key")
    op.drop_index("ix_record_needs", table_name="record")
    op.drop_column("record", "choice")
