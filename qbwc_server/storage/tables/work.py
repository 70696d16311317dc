"""Work for QuickBooks: sessions, message sets, jobs and their history."""

from __future__ import annotations

import sqlalchemy as sa

from qbwc_server.storage.database import JSON
from qbwc_server.storage.tables.columns import (
    count,
    flag,
    id_,
    looked_for,
    moment,
    of_company,
    one_of,
    text,
    where,
)

SESSION_STATES = ("authenticated", "asked", "ready", "finishing", "closed")


EXCHANGE_STATES = ("sent", "answered", "lost", "refused")


JOB_STATES = ("waiting", "ready", "sent", "unsure", "failed", "done", "cancelled")


JOB_FINAL = ("done", "cancelled")


session = of_company(
    "session",
    id_(),
    text("state"),
    text("summary", default=""),
    text("last_error", default=""),
    moment("started_at", null=False),
    moment("last_call_at", null=False),
    moment("ended_at"),
    text("ended_why", null=True),
    text("ticket_hash"),
    flag("identified"),
    flag("checked"),
    sa.Column("exchange_id", sa.BigInteger),
    count("done"),
    count("waits"),
    count("percent"),
    count("access_errors"),
    sa.Column("tally", JSON),
    text("file_path", default=""),
    text("peer", default=""),
    sa.UniqueConstraint("company_id", "ticket_hash"),
    where("uq_session_live", ("company_id",), "state <> 'closed'", unique=True),
    looked_for("session", "state <> 'closed'"),
    one_of("state", SESSION_STATES),
    sa.CheckConstraint("(ended_at IS NOT NULL) = (state = 'closed')", name="ended"),
)


exchange = of_company(
    "exchange",
    id_(),
    text("state"),
    text("purpose"),
    text("reason", null=True),
    sa.Column("session_id", sa.BigInteger, nullable=False),
    text("message_set_id", null=True),
    flag("writes"),
    moment("sent_at", null=False),
    moment("answered_at"),
    moment("applied_at"),
    text("hresult", null=True),
    text("message", null=True),
    text("request"),
    text("answer", null=True),
    moment("failed_at"),
    sa.Index("ix_exchange_session", "company_id", "session_id"),
    where("ix_exchange_failed", ("company_id", "id"), "failed_at IS NOT NULL"),
    sa.Index("ix_exchange_sent", "company_id", "sent_at"),
    looked_for("exchange", "state <> 'answered'"),
    one_of("state", EXCHANGE_STATES),
    sa.CheckConstraint(
        "purpose IN ('work', 'probe', 'look', 'identity', 'hcp')", name="purpose"
    ),
)


job = of_company(
    "job",
    id_(),
    text("state"),
    text("kind"),
    text("action"),
    sa.Column("record_id", sa.BigInteger),
    text("summary"),
    text("reason", null=True),
    count("attempt"),
    count("max_attempts", 5),
    moment("created_at", null=False),
    moment("run_at", null=False),
    moment("sent_at"),
    moment("finished_at"),
    count("priority", 50),
    text("dedupe_key", null=True),
    sa.Column("exchange_id", sa.BigInteger),
    count("batch_limit", 1_000_000),
    sa.Column("cursor", JSON),
    sa.Column("payload", JSON),
    moment("due_since"),
    looked_for("job", "state NOT IN ('done', 'cancelled')"),
    where(
        "ix_job_of_record", ("company_id", "record_id", "id"), "record_id IS NOT NULL"
    ),
    one_of("state", JOB_STATES),
    sa.CheckConstraint(
        "(finished_at IS NOT NULL) = (state IN ('done', 'cancelled'))", name="finished"
    ),
    sa.CheckConstraint(
        "(exchange_id IS NOT NULL) OR (state NOT IN ('sent', 'unsure'))",
        name="in_exchange",
    ),
    where(
        "uq_job_dedupe_key",
        ("company_id", "dedupe_key"),
        "finished_at IS NULL",
        unique=True,
    ),
    where(
        "ix_job_ready", ("company_id", "priority", "run_at", "id"), "state = 'ready'"
    ),
    where("ix_job_open", ("company_id", "state"), "finished_at IS NULL"),
    where(
        "ix_job_record",
        ("company_id", "record_id"),
        "record_id IS NOT NULL AND finished_at IS NULL",
    ),
    where("ix_job_exchange", ("company_id", "exchange_id"), "exchange_id IS NOT NULL"),
)


job_event = of_company(
    "job_event",
    id_(),
    sa.Column("job_id", sa.BigInteger, nullable=False),
    moment("at", null=False),
    text("from_state", null=True),
    text("to_state"),
    text("by"),
    text("reason", null=True),
    sa.Index("ix_job_event_job", "company_id", "job_id", "id"),
)
