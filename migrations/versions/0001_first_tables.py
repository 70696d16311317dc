"""The first tables.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "company",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="live", nullable=False),
        sa.Column("attention", sa.Text(), nullable=True),
        sa.Column("attention_id", sa.Text(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_session_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("open_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("open_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deliver_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.Text(), nullable=True),
        sa.Column("poll_every", sa.Integer(), server_default="1", nullable=False),
        sa.Column("read_every", sa.Integer(), server_default="15", nullable=False),
        sa.Column("structure", sa.Text(), server_default="client", nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("former_password_hash", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("setup_token_hash", sa.Text(), nullable=False),
        sa.Column("webhook_token_hash", sa.Text(), nullable=False),
        sa.Column("mosaic_url", sa.Text(), nullable=False),
        sa.Column("mosaic_team", sa.Text(), nullable=False),
        sa.Column("mosaic_key", sa.Text(), nullable=True),
        sa.Column(
            "mosaic_auth_scheme", sa.Text(), server_default="raw", nullable=False
        ),
        sa.Column("mosaic_portfolio", sa.BigInteger(), nullable=True),
        sa.Column("mosaic_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("file_path", sa.Text(), nullable=True),
        sa.Column("file_bound_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "host",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.Column("offset_minutes", sa.Integer(), nullable=True),
        sa.Column("last_restore", sa.Text(), nullable=True),
        sa.Column("two_way", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("policy", sa.Text(), server_default="newest", nullable=False),
        sa.Column(
            "contractors", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column("time_class", sa.Text(), nullable=True),
        sa.Column("time_payroll_item", sa.Text(), nullable=True),
        sa.Column("closing_date", sa.Text(), nullable=True),
        sa.Column("class_tracking", sa.Boolean(), nullable=True),
        sa.Column("time_tracking", sa.Boolean(), nullable=True),
        sa.Column("time_hot_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("time_window_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mosaic_time_from", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "mode IN ('preview', 'live', 'paused')", name=op.f("ck_company_mode")
        ),
        sa.CheckConstraint(
            "policy IN ('newest', 'quickbooks', 'mosaic', 'ask')",
            name=op.f("ck_company_policy"),
        ),
        sa.CheckConstraint(
            "structure IN ('client', 'project')", name=op.f("ck_company_structure")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company")),
        sa.UniqueConstraint("name", name=op.f("uq_company_name")),
        sa.UniqueConstraint("username", name=op.f("uq_company_username")),
    )
    with op.batch_alter_table("company", schema=None) as batch_op:
        batch_op.create_index("ix_company_deliver_at", ["deliver_at"], unique=False)
        batch_op.create_index(
            "ix_company_setup_token_hash", ["setup_token_hash"], unique=False
        )
        batch_op.create_index(
            "ix_company_webhook_token_hash", ["webhook_token_hash"], unique=False
        )

    op.create_table(
        "login_failure",
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("who", name=op.f("pk_login_failure")),
    )
    op.create_table(
        "mosaic_budget",
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("refilled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_mosaic_budget")),
    )
    op.create_table(
        "audit",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column(
            "detail",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_audit_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_audit")),
    )
    op.create_table(
        "company_sequence",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_company_sequence_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_company_sequence")),
    )
    op.create_table(
        "exchange",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("message_set_id", sa.Text(), nullable=True),
        sa.Column("writes", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hresult", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('work', 'probe', 'look', 'identity', 'hcp')",
            name=op.f("ck_exchange_purpose"),
        ),
        sa.CheckConstraint(
            "state IN ('sent', 'answered', 'lost', 'refused')",
            name=op.f("ck_exchange_state"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_exchange_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_exchange")),
    )
    with op.batch_alter_table("exchange", schema=None) as batch_op:
        batch_op.create_index(
            "ix_exchange_session", ["company_id", "session_id"], unique=False
        )

    op.create_table(
        "job",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("max_attempts", sa.Integer(), server_default="5", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("priority", sa.Integer(), server_default="50", nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=True),
        sa.Column("exchange_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "batch_limit", sa.Integer(), server_default="1000000", nullable=False
        ),
        sa.Column(
            "cursor",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "payload",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(exchange_id IS NOT NULL) OR (state NOT IN ('sent', 'unsure'))",
            name=op.f("ck_job_in_exchange"),
        ),
        sa.CheckConstraint(
            "(finished_at IS NOT NULL) = (state IN ('done', 'cancelled'))",
            name=op.f("ck_job_finished"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'ready', 'sent', 'unsure', 'failed', 'done', 'cancelled')",
            name=op.f("ck_job_state"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_job_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_job")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(
            "ix_job_exchange",
            ["company_id", "exchange_id"],
            unique=False,
            sqlite_where=sa.text("exchange_id IS NOT NULL"),
            postgresql_where=sa.text("exchange_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_job_open",
            ["company_id", "state"],
            unique=False,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )
        batch_op.create_index(
            "ix_job_ready",
            ["company_id", "priority", "run_at", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )
        batch_op.create_index(
            "ix_job_record",
            ["company_id", "record_id"],
            unique=False,
            sqlite_where=sa.text("record_id IS NOT NULL AND finished_at IS NULL"),
            postgresql_where=sa.text("record_id IS NOT NULL AND finished_at IS NULL"),
        )
        batch_op.create_index(
            "uq_job_dedupe_key",
            ["company_id", "dedupe_key"],
            unique=True,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )

    op.create_table(
        "job_event",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_job_event_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_job_event")),
    )
    with op.batch_alter_table("job_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_job_event_job", ["company_id", "job_id", "id"], unique=False
        )

    op.create_table(
        "mosaic_call",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("data_type", sa.Text(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=True),
        sa.Column("mosaic_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "fields",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "basis",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.Column("match_key", sa.Text(), server_default="", nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("api_request_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looks", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            "state IN ('sent', 'accepted', 'unsure', 'done', 'refused', 'absent')",
            name=op.f("ck_mosaic_call_state"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_mosaic_call_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_mosaic_call")),
        sa.UniqueConstraint(
            "company_id", "ref", name=op.f("uq_mosaic_call_company_id_ref")
        ),
    )
    with op.batch_alter_table("mosaic_call", schema=None) as batch_op:
        batch_op.create_index(
            "ix_mosaic_call_match",
            ["company_id", "data_type", "match_key"],
            unique=False,
        )
        batch_op.create_index(
            "ix_mosaic_call_open",
            ["company_id", "check_at"],
            unique=False,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )
        batch_op.create_index(
            "ix_mosaic_call_record", ["company_id", "record_id", "id"], unique=False
        )
        batch_op.create_index(
            "uq_mosaic_call_record",
            ["company_id", "record_id"],
            unique=True,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )

    op.create_table(
        "mosaic_callback",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("api_request_id", sa.Text(), nullable=True),
        sa.Column("data_type", sa.Text(), nullable=True),
        sa.Column(
            "body",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_mosaic_callback_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_mosaic_callback")),
    )
    with op.batch_alter_table("mosaic_callback", schema=None) as batch_op:
        batch_op.create_index(
            "ix_mosaic_callback_new",
            ["company_id", "id"],
            unique=False,
            sqlite_where=sa.text("handled_at IS NULL"),
            postgresql_where=sa.text("handled_at IS NULL"),
        )

    op.create_table(
        "mosaic_object",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data_type", sa.Text(), nullable=False),
        sa.Column("mosaic_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("match_key", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column(
            "is_archived", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column(
            "snapshot",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=False,
        ),
        sa.Column("seen_in", sa.BigInteger(), nullable=False),
        sa.Column("misses", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_mosaic_object_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "data_type", "mosaic_id", name=op.f("pk_mosaic_object")
        ),
    )
    with op.batch_alter_table("mosaic_object", schema=None) as batch_op:
        batch_op.create_index(
            "ix_mosaic_object_match",
            ["company_id", "data_type", "match_key"],
            unique=False,
        )
        batch_op.create_index(
            "ix_mosaic_object_name",
            ["company_id", "data_type", "name_key"],
            unique=False,
        )

    op.create_table(
        "reading",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("watermark", sa.Text(), nullable=True),
        sa.Column("deleted_watermark", sa.Text(), nullable=True),
        sa.Column("last_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_full_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("full_due", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column(
            "deletions_accepted",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
        ),
        sa.Column("reach", sa.Text(), nullable=True),
        sa.Column("greatest_number", sa.BigInteger(), nullable=True),
        sa.Column("greatest_number_at", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_reading_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "kind", name=op.f("pk_reading")),
    )
    op.create_table(
        "record",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=True),
        sa.Column("quickbooks_id", sa.Text(), nullable=True),
        sa.Column("mosaic_type", sa.Text(), nullable=True),
        sa.Column("mosaic_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "quickbooks",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "mosaic",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "agreed",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "conflict",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "quickbooks_gone", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column(
            "mosaic_gone", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column("misses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("edit_sequence", sa.Text(), nullable=True),
        sa.Column("time_modified", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("external_guid", sa.Text(), nullable=True),
        sa.Column("waits_for", sa.Text(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivery_rank", sa.Integer(), server_default="50", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("seen_in", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('in_sync', 'pending', 'unlinked', 'locked', 'conflict', 'do_not_link', 'refused', 'gone')",
            name=op.f("ck_record_state"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_record_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_record")),
    )
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.create_index(
            "ix_record_day",
            ["company_id", "kind", "day", "parent_id"],
            unique=False,
            sqlite_where=sa.text("day IS NOT NULL"),
            postgresql_where=sa.text("day IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_record_due",
            ["company_id", "delivery_rank", "due_at", "id"],
            unique=False,
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_record_only_mosaic",
            ["company_id", "day"],
            unique=False,
            sqlite_where=sa.text("quickbooks_id IS NULL AND mosaic_id IS NOT NULL"),
            postgresql_where=sa.text("quickbooks_id IS NULL AND mosaic_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_record_parent",
            ["company_id", "kind", "parent_id"],
            unique=False,
            sqlite_where=sa.text("parent_id IS NOT NULL"),
            postgresql_where=sa.text("parent_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_record_state", ["company_id", "kind", "state", "id"], unique=False
        )
        batch_op.create_index(
            "ix_record_waits_for",
            ["company_id", "waits_for"],
            unique=False,
            sqlite_where=sa.text("waits_for IS NOT NULL"),
            postgresql_where=sa.text("waits_for IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_record_external_guid",
            ["company_id", "external_guid"],
            unique=True,
            sqlite_where=sa.text("external_guid IS NOT NULL"),
            postgresql_where=sa.text("external_guid IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_record_mosaic",
            ["company_id", "mosaic_type", "mosaic_id"],
            unique=True,
            sqlite_where=sa.text("mosaic_id IS NOT NULL"),
            postgresql_where=sa.text("mosaic_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_record_quickbooks", ["company_id", "kind", "quickbooks_id"], unique=True
        )

    op.create_table(
        "record_event",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column(
            "detail",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_record_event_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_record_event")),
    )
    with op.batch_alter_table("record_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_record_event_record", ["company_id", "record_id", "id"], unique=False
        )

    op.create_table(
        "session",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_call_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.Column("ticket_hash", sa.Text(), nullable=False),
        sa.Column(
            "identified", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column("checked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("exchange_id", sa.BigInteger(), nullable=True),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("waits", sa.Integer(), server_default="0", nullable=False),
        sa.Column("percent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("access_errors", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "tally",
            sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
            nullable=True,
        ),
        sa.Column("file_path", sa.Text(), server_default="", nullable=False),
        sa.Column("peer", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (state = 'closed')", name=op.f("ck_session_ended")
        ),
        sa.CheckConstraint(
            "state IN ('authenticated', 'asked', 'ready', 'finishing', 'closed')",
            name=op.f("ck_session_state"),
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_session_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_session")),
        sa.UniqueConstraint(
            "company_id", "ticket_hash", name=op.f("uq_session_company_id_ticket_hash")
        ),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index(
            "uq_session_live",
            ["company_id"],
            unique=True,
            sqlite_where=sa.text("state <> 'closed'"),
            postgresql_where=sa.text("state <> 'closed'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_session_live",
            sqlite_where=sa.text("state <> 'closed'"),
            postgresql_where=sa.text("state <> 'closed'"),
        )

    op.drop_table("session")
    with op.batch_alter_table("record_event", schema=None) as batch_op:
        batch_op.drop_index("ix_record_event_record")

    op.drop_table("record_event")
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.drop_index("uq_record_quickbooks")
        batch_op.drop_index(
            "uq_record_mosaic",
            sqlite_where=sa.text("mosaic_id IS NOT NULL"),
            postgresql_where=sa.text("mosaic_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "uq_record_external_guid",
            sqlite_where=sa.text("external_guid IS NOT NULL"),
            postgresql_where=sa.text("external_guid IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_record_waits_for",
            sqlite_where=sa.text("waits_for IS NOT NULL"),
            postgresql_where=sa.text("waits_for IS NOT NULL"),
        )
        batch_op.drop_index("ix_record_state")
        batch_op.drop_index(
            "ix_record_parent",
            sqlite_where=sa.text("parent_id IS NOT NULL"),
            postgresql_where=sa.text("parent_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_record_only_mosaic",
            sqlite_where=sa.text("quickbooks_id IS NULL AND mosaic_id IS NOT NULL"),
            postgresql_where=sa.text("quickbooks_id IS NULL AND mosaic_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_record_due",
            sqlite_where=sa.text("due_at IS NOT NULL"),
            postgresql_where=sa.text("due_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_record_day",
            sqlite_where=sa.text("day IS NOT NULL"),
            postgresql_where=sa.text("day IS NOT NULL"),
        )

    op.drop_table("record")
    op.drop_table("reading")
    with op.batch_alter_table("mosaic_object", schema=None) as batch_op:
        batch_op.drop_index("ix_mosaic_object_name")
        batch_op.drop_index("ix_mosaic_object_match")

    op.drop_table("mosaic_object")
    with op.batch_alter_table("mosaic_callback", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_mosaic_callback_new",
            sqlite_where=sa.text("handled_at IS NULL"),
            postgresql_where=sa.text("handled_at IS NULL"),
        )

    op.drop_table("mosaic_callback")
    with op.batch_alter_table("mosaic_call", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_mosaic_call_record",
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )
        batch_op.drop_index("ix_mosaic_call_record")
        batch_op.drop_index(
            "ix_mosaic_call_open",
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )
        batch_op.drop_index("ix_mosaic_call_match")

    op.drop_table("mosaic_call")
    with op.batch_alter_table("job_event", schema=None) as batch_op:
        batch_op.drop_index("ix_job_event_job")

    op.drop_table("job_event")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_job_dedupe_key",
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_job_record",
            sqlite_where=sa.text("record_id IS NOT NULL AND finished_at IS NULL"),
            postgresql_where=sa.text("record_id IS NOT NULL AND finished_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_job_ready",
            sqlite_where=sa.text("state = 'ready'"),
            postgresql_where=sa.text("state = 'ready'"),
        )
        batch_op.drop_index(
            "ix_job_open",
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_job_exchange",
            sqlite_where=sa.text("exchange_id IS NOT NULL"),
            postgresql_where=sa.text("exchange_id IS NOT NULL"),
        )

    op.drop_table("job")
    with op.batch_alter_table("exchange", schema=None) as batch_op:
        batch_op.drop_index("ix_exchange_session")

    op.drop_table("exchange")
    op.drop_table("company_sequence")
    op.drop_table("audit")
    op.drop_table("mosaic_budget")
    op.drop_table("login_failure")
    with op.batch_alter_table("company", schema=None) as batch_op:
        batch_op.drop_index("ix_company_webhook_token_hash")
        batch_op.drop_index("ix_company_setup_token_hash")
        batch_op.drop_index("ix_company_deliver_at")

    op.drop_table("company")
