"""Every table and constraint, and no behaviour.

Columns stand in the order in which a support person reads a row. Every table of a
company's data begins its primary key, its unique keys and its indexes with
`company_id`, so that companies can be spread over partitions or machines without
touching code. Ids are unique within a company across all its tables. Only indexes by
which support searches all companies at once begin otherwise.
"""

from __future__ import annotations

import sqlalchemy as sa

from qbwc_server.storage import meanings
from qbwc_server.storage.database import JSON, UTCDateTime

JOB_STATES = ("waiting", "ready", "sent", "unsure", "failed", "done", "cancelled")
JOB_FINAL = ("done", "cancelled")
RECORD_STATES = (
    "in_sync",
    "pending",
    "unlinked",
    "locked",
    "conflict",
    "do_not_link",
    "refused",
    "gone",
)
EXCHANGE_STATES = ("sent", "answered", "lost", "refused")
SESSION_STATES = ("authenticated", "asked", "ready", "finishing", "closed")
CALL_STATES = ("sent", "accepted", "unsure", "done", "refused", "absent")
MODES = ("preview", "live", "paused")
STRUCTURES = ("client", "project")
POLICIES = ("newest", "quickbooks", "mosaic", "ask")

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def _of_company(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
        *parts,
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], ondelete="CASCADE"),
    )


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False)


def _text(
    name: str, *, null: bool = False, default: str | None = None
) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null, server_default=default)


def _moment(name: str, *, null: bool = True) -> sa.Column[object]:
    return sa.Column(name, UTCDateTime, nullable=null)


def _count(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=str(default))


def _where(name: str, columns: tuple[str, ...], condition: str) -> sa.Index:
    only = sa.text(condition)
    return sa.Index(name, *columns, sqlite_where=only, postgresql_where=only)


def _looked_for(table: str, condition: str) -> sa.Index:
    """Return the index by which support finds a state in all companies at once.

    It holds the states in which somebody may have to act: few rows of a table.
    """
    return _where(f"ix_{table}_support", ("state", "company_id", "id"), condition)


def _flag(name: str, *, null: bool = False) -> sa.Column[bool]:
    default = None if null else sa.false()
    return sa.Column(name, sa.Boolean, nullable=null, server_default=default)


company = sa.Table(
    "company",
    metadata,
    sa.Column(
        "id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True
    ),
    _text("name"),
    _text("mode", default="live"),
    _text("attention", null=True),
    _text("attention_id", null=True),
    _moment("last_seen_at"),
    _moment("last_session_at"),
    _moment("next_read_at"),
    _moment("open_after"),
    _count("open_failures"),
    _moment("deliver_at"),
    _moment("leased_until"),
    _text("leased_by", null=True),
    sa.Column("poll_every", sa.Integer, nullable=False, server_default="1"),
    sa.Column("read_every", sa.Integer, nullable=False, server_default="15"),
    _text("structure", default="client"),
    _text("username"),
    _text("password_hash"),
    _text("former_password_hash", null=True),
    _text("login_from", null=True),
    _text("owner_id"),
    _text("file_id"),
    _text("setup_token_hash"),
    _text("webhook_token_hash"),
    _text("mosaic_url"),
    _text("mosaic_team"),
    _text("mosaic_key", null=True),
    _text("mosaic_auth_scheme", default="raw"),
    sa.Column("mosaic_portfolio", sa.BigInteger),
    _moment("mosaic_read_at"),
    _text("file_name", null=True),
    _text("file_path", null=True),
    _moment("file_bound_at"),
    sa.Column("host", JSON),
    sa.Column("offset_minutes", sa.Integer),
    _text("last_restore", null=True),
    sa.Column("two_way", sa.Boolean, nullable=False, server_default=sa.true()),
    _text("policy", default="newest"),
    _flag("contractors"),
    _text("time_class", null=True),
    _text("time_payroll_item", null=True),
    _text("closing_date", null=True),
    _flag("class_tracking", null=True),
    _flag("time_tracking", null=True),
    _moment("time_hot_at"),
    _moment("time_window_at"),
    _text("mosaic_time_from", null=True),
    _moment("created_at", null=False),
    _moment("housekeep_at"),
    _moment("setup_expires_at"),
    _moment("check_at"),
    _moment("late_at"),
    _moment("notice_at"),
    _text("mode_before_pause", null=True),
    _text("notice", null=True),
    _text("notice_id", null=True),
    _text("notice_left", null=True),
    _count("notice_tries"),
    _moment("preview_at"),
    _moment("mode_at"),
    _moment("wrong_password_at"),
    _moment("setup_used_at"),
    sa.UniqueConstraint("name"),
    sa.UniqueConstraint("username"),
    sa.Index("ix_company_check_at", "check_at"),
    sa.Index("ix_company_deliver_at", "deliver_at"),
    sa.Index("ix_company_housekeep_at", "housekeep_at"),
    sa.Index("ix_company_login_from", "login_from"),
    sa.Index("ix_company_notice_at", "notice_at"),
    sa.Index("ix_company_preview_at", "preview_at"),
    sa.Index("ix_company_setup_token_hash", "setup_token_hash"),
    sa.Index("ix_company_webhook_token_hash", "webhook_token_hash"),
    _one_of("mode", MODES),
    _one_of("structure", STRUCTURES),
    _one_of("policy", POLICIES),
)

company_sequence = sa.Table(
    "company_sequence",
    metadata,
    sa.Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("last_id", sa.BigInteger, nullable=False, server_default="0"),
    sa.ForeignKeyConstraint(["company_id"], ["company.id"], ondelete="CASCADE"),
)

session = _of_company(
    "session",
    _id(),
    _text("state"),
    _text("summary", default=""),
    _text("last_error", default=""),
    _moment("started_at", null=False),
    _moment("last_call_at", null=False),
    _moment("ended_at"),
    _text("ended_why", null=True),
    _text("ticket_hash"),
    _flag("identified"),
    _flag("checked"),
    sa.Column("exchange_id", sa.BigInteger),
    _count("done"),
    _count("waits"),
    _count("percent"),
    _count("access_errors"),
    sa.Column("tally", JSON),
    _text("file_path", default=""),
    _text("peer", default=""),
    sa.UniqueConstraint("company_id", "ticket_hash"),
    sa.Index(
        "uq_session_live",
        "company_id",
        unique=True,
        sqlite_where=sa.text("state <> 'closed'"),
        postgresql_where=sa.text("state <> 'closed'"),
    ),
    _looked_for("session", "state <> 'closed'"),
    _one_of("state", SESSION_STATES),
    sa.CheckConstraint("(ended_at IS NOT NULL) = (state = 'closed')", name="ended"),
)

exchange = _of_company(
    "exchange",
    _id(),
    _text("state"),
    _text("purpose"),
    _text("reason", null=True),
    sa.Column("session_id", sa.BigInteger, nullable=False),
    _text("message_set_id", null=True),
    _flag("writes"),
    _moment("sent_at", null=False),
    _moment("answered_at"),
    _moment("applied_at"),
    _text("hresult", null=True),
    _text("message", null=True),
    _text("request"),
    _text("answer", null=True),
    _moment("failed_at"),
    sa.Index("ix_exchange_session", "company_id", "session_id"),
    sa.Index(
        "ix_exchange_failed",
        "company_id",
        "id",
        sqlite_where=sa.text("failed_at IS NOT NULL"),
        postgresql_where=sa.text("failed_at IS NOT NULL"),
    ),
    sa.Index("ix_exchange_sent", "company_id", "sent_at"),
    _looked_for("exchange", "state <> 'answered'"),
    _one_of("state", EXCHANGE_STATES),
    sa.CheckConstraint(
        "purpose IN ('work', 'probe', 'look', 'identity', 'hcp')", name="purpose"
    ),
)

job = _of_company(
    "job",
    _id(),
    _text("state"),
    _text("kind"),
    _text("action"),
    sa.Column("record_id", sa.BigInteger),
    _text("summary"),
    _text("reason", null=True),
    _count("attempt"),
    _count("max_attempts", 5),
    _moment("created_at", null=False),
    _moment("run_at", null=False),
    _moment("sent_at"),
    _moment("finished_at"),
    _count("priority", 50),
    _text("dedupe_key", null=True),
    sa.Column("exchange_id", sa.BigInteger),
    _count("batch_limit", 1_000_000),
    sa.Column("cursor", JSON),
    sa.Column("payload", JSON),
    _moment("due_since"),
    _looked_for("job", "state NOT IN ('done', 'cancelled')"),
    _where(
        "ix_job_of_record", ("company_id", "record_id", "id"), "record_id IS NOT NULL"
    ),
    _one_of("state", JOB_STATES),
    sa.CheckConstraint(
        "(finished_at IS NOT NULL) = (state IN ('done', 'cancelled'))", name="finished"
    ),
    sa.CheckConstraint(
        "(exchange_id IS NOT NULL) OR (state NOT IN ('sent', 'unsure'))",
        name="in_exchange",
    ),
    sa.Index(
        "uq_job_dedupe_key",
        "company_id",
        "dedupe_key",
        unique=True,
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    ),
    sa.Index(
        "ix_job_ready",
        "company_id",
        "priority",
        "run_at",
        "id",
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    ),
    sa.Index(
        "ix_job_open",
        "company_id",
        "state",
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    ),
    sa.Index(
        "ix_job_record",
        "company_id",
        "record_id",
        sqlite_where=sa.text("record_id IS NOT NULL AND finished_at IS NULL"),
        postgresql_where=sa.text("record_id IS NOT NULL AND finished_at IS NULL"),
    ),
    sa.Index(
        "ix_job_exchange",
        "company_id",
        "exchange_id",
        sqlite_where=sa.text("exchange_id IS NOT NULL"),
        postgresql_where=sa.text("exchange_id IS NOT NULL"),
    ),
)

job_event = _of_company(
    "job_event",
    _id(),
    sa.Column("job_id", sa.BigInteger, nullable=False),
    _moment("at", null=False),
    _text("from_state", null=True),
    _text("to_state"),
    _text("by"),
    _text("reason", null=True),
    sa.Index("ix_job_event_job", "company_id", "job_id", "id"),
)

record = _of_company(
    "record",
    _id(),
    _text("kind"),
    _text("state"),
    _text("reason", null=True),
    _text("name"),
    _text("day", null=True),
    _text("quickbooks_id", null=True),
    _text("mosaic_type", null=True),
    sa.Column("mosaic_id", sa.BigInteger),
    sa.Column("quickbooks", JSON),
    sa.Column("mosaic", JSON),
    sa.Column("agreed", JSON),
    sa.Column("conflict", JSON),
    _flag("quickbooks_gone"),
    _flag("mosaic_gone"),
    _count("misses"),
    _text("edit_sequence", null=True),
    _text("time_modified", null=True),
    _text("parent_id", null=True),
    _text("external_guid", null=True),
    _text("waits_for", null=True),
    _text("choice", null=True),
    _moment("due_at"),
    _count("delivery_rank", 50),
    _count("attempt"),
    sa.Column("seen_in", sa.BigInteger),
    _moment("created_at", null=False),
    _moment("changed_at", null=False),
    _one_of("state", RECORD_STATES),
    _looked_for("record", "state NOT IN ('in_sync', 'gone')"),
    _where("ix_record_quickbooks_id", ("quickbooks_id",), "quickbooks_id IS NOT NULL"),
    _where("ix_record_mosaic_id", ("mosaic_id",), "mosaic_id IS NOT NULL"),
    _where("ix_record_external_guid", ("external_guid",), "external_guid IS NOT NULL"),
    sa.Index(
        "uq_record_quickbooks", "company_id", "kind", "quickbooks_id", unique=True
    ),
    sa.Index(
        "uq_record_mosaic",
        "company_id",
        "mosaic_type",
        "mosaic_id",
        unique=True,
        sqlite_where=sa.text("mosaic_id IS NOT NULL"),
        postgresql_where=sa.text("mosaic_id IS NOT NULL"),
    ),
    sa.Index(
        "ix_record_due",
        "company_id",
        "delivery_rank",
        "due_at",
        "id",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    ),
    sa.Index(
        "uq_record_external_guid",
        "company_id",
        "external_guid",
        unique=True,
        sqlite_where=sa.text("external_guid IS NOT NULL"),
        postgresql_where=sa.text("external_guid IS NOT NULL"),
    ),
    sa.Index(
        "ix_record_day",
        "company_id",
        "kind",
        "day",
        "parent_id",
        sqlite_where=sa.text("day IS NOT NULL"),
        postgresql_where=sa.text("day IS NOT NULL"),
    ),
    sa.Index(
        "ix_record_only_mosaic",
        "company_id",
        "day",
        sqlite_where=sa.text("quickbooks_id IS NULL AND mosaic_id IS NOT NULL"),
        postgresql_where=sa.text("quickbooks_id IS NULL AND mosaic_id IS NOT NULL"),
    ),
    sa.Index("ix_record_state", "company_id", "kind", "state", "id"),
    sa.Index(
        "ix_record_needs",
        "company_id",
        "kind",
        "id",
        sqlite_where=sa.text("state = 'unlinked' AND waits_for IS NULL"),
        postgresql_where=sa.text("state = 'unlinked' AND waits_for IS NULL"),
    ),
    sa.Index(
        "ix_record_conflict",
        "company_id",
        "id",
        sqlite_where=sa.text("conflict IS NOT NULL"),
        postgresql_where=sa.text("conflict IS NOT NULL"),
    ),
    sa.Index(
        "ix_record_parent",
        "company_id",
        "kind",
        "parent_id",
        sqlite_where=sa.text("parent_id IS NOT NULL"),
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    ),
    sa.Index(
        "ix_record_waits_for",
        "company_id",
        "waits_for",
        sqlite_where=sa.text("waits_for IS NOT NULL"),
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    ),
)

record_event = _of_company(
    "record_event",
    _id(),
    sa.Column("record_id", sa.BigInteger, nullable=False),
    _moment("at", null=False),
    _text("what"),
    _text("by"),
    sa.Column("detail", JSON),
    sa.Index("ix_record_event_record", "company_id", "record_id", "id"),
)

reading = _of_company(
    "reading",
    sa.Column("kind", sa.Text, primary_key=True),
    _text("watermark", null=True),
    _text("deleted_watermark", null=True),
    _moment("last_read_at"),
    _moment("last_full_at"),
    _flag("full_due"),
    _flag("deletions_accepted"),
    _text("reach", null=True),
    sa.Column("greatest_number", sa.BigInteger),
    _text("greatest_number_at", null=True),
    _text("problem", null=True),
)

mosaic_object = _of_company(
    "mosaic_object",
    sa.Column("data_type", sa.Text, primary_key=True),
    sa.Column("mosaic_id", sa.BigInteger, primary_key=True, autoincrement=False),
    _text("name"),
    _text("match_key"),
    _text("name_key"),
    _text("near_key", default=""),
    _flag("is_archived"),
    sa.Column("snapshot", JSON, nullable=False),
    sa.Column("seen_in", sa.BigInteger, nullable=False),
    _count("misses"),
    sa.Index("ix_mosaic_object_match", "company_id", "data_type", "match_key"),
    sa.Index("ix_mosaic_object_name", "company_id", "data_type", "name_key"),
    sa.Index("ix_mosaic_object_near", "company_id", "data_type", "near_key"),
)

# It has no column company_id because companies of one team read each other's claims;
# what is written stands behind a wall of its own, see the sixth revision.
mosaic_claim = sa.Table(
    "mosaic_claim",
    metadata,
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("data_type", sa.Text, primary_key=True),
    sa.Column("mosaic_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("holder", sa.BigInteger, primary_key=True, autoincrement=False),
    _flag("meant"),
    _moment("since", null=False),
    sa.Index("ix_mosaic_claim_holder", "holder"),
)

preview_result = _of_company(
    "preview_result",
    _moment("made_at", null=False),
    _count("milliseconds"),
    sa.Column("result", JSON, nullable=False),
)

mosaic_call = _of_company(
    "mosaic_call",
    _id(),
    _text("state"),
    _text("operation"),
    _text("data_type"),
    sa.Column("record_id", sa.BigInteger),
    sa.Column("mosaic_id", sa.BigInteger),
    _text("reason", null=True),
    sa.Column("fields", JSON, nullable=False),
    sa.Column("basis", JSON),
    _text("match_key", default=""),
    _text("ref"),
    _text("api_request_id", null=True),
    _moment("created_at", null=False),
    _moment("check_at"),
    _moment("settled_at"),
    _count("looks"),
    _moment("due_since"),
    _looked_for("mosaic_call", "state <> 'done'"),
    _one_of("state", CALL_STATES),
    sa.UniqueConstraint("company_id", "ref"),
    sa.Index(
        "ix_mosaic_call_open",
        "company_id",
        "check_at",
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    ),
    sa.Index(
        "uq_mosaic_call_record",
        "company_id",
        "record_id",
        unique=True,
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    ),
    sa.Index("ix_mosaic_call_record", "company_id", "record_id", "id"),
    sa.Index("ix_mosaic_call_match", "company_id", "data_type", "match_key"),
)

mosaic_callback = _of_company(
    "mosaic_callback",
    _id(),
    _moment("received_at", null=False),
    _moment("handled_at"),
    _text("ref", null=True),
    _text("api_request_id", null=True),
    _text("data_type", null=True),
    sa.Column("body", JSON, nullable=False),
    sa.Index(
        "ix_mosaic_callback_new",
        "company_id",
        "id",
        sqlite_where=sa.text("handled_at IS NULL"),
        postgresql_where=sa.text("handled_at IS NULL"),
    ),
)

mosaic_budget = sa.Table(
    "mosaic_budget",
    metadata,
    sa.Column("key_hash", sa.Text, primary_key=True),
    sa.Column("tokens", sa.Float, nullable=False),
    _moment("refilled_at", null=False),
    _moment("blocked_until"),
)

login_failure = sa.Table(
    "login_failure",
    metadata,
    sa.Column("who", sa.Text, primary_key=True),
    _count("failures"),
    _moment("last_at", null=False),
    sa.Index("ix_login_failure_last_at", "last_at"),
)

# Who may use the support console, and who did. They are of no company.
support_token = sa.Table(
    "support_token",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    _flag("may_act"),
    _text("made_by"),
    _moment("made_at", null=False),
    _moment("last_login_at"),
    _text("token_hash"),
    _text("login_from", null=True),
    _count("round"),
)

support_login = sa.Table(
    "support_login",
    metadata,
    sa.Column("hour", UTCDateTime, primary_key=True),
    sa.Column("who", sa.Text, primary_key=True),
    sa.Column("what", sa.Text, primary_key=True),
    sa.Column("peer", sa.Text, primary_key=True),
    _count("times", 1),
    _moment("last_at", null=False),
)

heartbeat = sa.Table(
    "heartbeat",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    _moment("at", null=False),
    _moment("up_since", null=False),
)

audit = _of_company(
    "audit",
    _id(),
    _moment("at", null=False),
    _text("who"),
    _text("what"),
    _text("why", null=True),
    sa.Column("detail", JSON),
    _text("dedupe_key", null=True),
    _count("times", 1),
    _moment("last_at"),
    sa.Index(
        "uq_audit_dedupe_key",
        "company_id",
        "dedupe_key",
        unique=True,
        sqlite_where=sa.text("dedupe_key IS NOT NULL"),
        postgresql_where=sa.text("dedupe_key IS NOT NULL"),
    ),
)

word = sa.Table(
    "word",
    metadata,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    *map(_text, ("happened", "who_must_act", "next_step", "more", "menu")),
)

for _table in metadata.tables.values():
    _table.comment, _columns = meanings.EVERY[_table.name]
    for _column in _table.columns:
        _column.comment = _columns[_column.name]
