"""Views for support, the words they tell, and the role that reads nothing else.

The words stand in a table, `word`, which `database upgrade` fills from the program's
own: a view with the words written into it would tell yesterday's until somebody wrote a
revision. Whoever runs printed SQL by hand runs `qbwc-server database upgrade` once
afterwards for them.

The views belong to whoever migrates, who owns the tables, and are read with the owner's
rights: row-level security does not hold the owner, so they show all companies. That is
why `qbwc_app`, which is held to one, loses what it is granted on every new table.

The role belongs to the whole PostgreSQL server: made where it is missing, and dropped on
the way down where nothing else depends on it and nobody else is in it.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SUPPORT_ROLE = """
DO $$
DECLARE
    needed text := 'This login may not make the role that support reads with. Have an '
        || 'administrator run: CREATE ROLE qbwc_support NOLOGIN; GRANT qbwc_support TO '
        || quote_ident(current_user) || ';';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qbwc_support') THEN
        BEGIN
            CREATE ROLE qbwc_support NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE insufficient_privilege USING MESSAGE = needed;
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'qbwc_support',
        CASE WHEN current_setting('server_version_num')::int < 160000
        THEN 'MEMBER' ELSE 'SET' END)
    THEN
        BEGIN
            EXECUTE 'GRANT qbwc_support TO ' || quote_ident(current_user);
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE insufficient_privilege USING MESSAGE = needed;
        END;
    END IF;
    EXECUTE 'GRANT USAGE ON SCHEMA ' || quote_ident(current_schema())
        || ' TO qbwc_support';
END $$
"""

# Grants in other databases of the same server, and other people's logins, keep it.
DROP_SUPPORT_ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qbwc_support') THEN
        RETURN;
    END IF;
    EXECUTE 'REVOKE ALL ON SCHEMA ' || quote_ident(current_schema())
        || ' FROM qbwc_support';
    IF EXISTS (
        SELECT FROM pg_auth_members m
        JOIN pg_roles r ON r.oid = m.roleid
        JOIN pg_roles p ON p.oid = m.member
        WHERE r.rolname = 'qbwc_support' AND p.rolname <> current_user
    ) THEN
        RETURN;
    END IF;
    BEGIN
        DROP ROLE qbwc_support;
    EXCEPTION
        WHEN dependent_objects_still_exist OR insufficient_privilege
            OR undefined_object OR object_in_use THEN NULL;
    END;
END $$
"""

NEEDS_LOOKING = {
    "record": "state NOT IN ('in_sync', 'gone')",
    "job": "state NOT IN ('done', 'cancelled')",
    "exchange": "state <> 'answered'",
    "session": "state <> 'closed'",
    "mosaic_call": "state <> 'done'",
}
"""The states that are looked for across companies; the others are most of a table."""

STANDING = """CASE
        WHEN c.mode = 'paused' THEN 'paused'
        WHEN c.wrong_password_at IS NOT NULL AND (c.last_seen_at IS NULL
            OR c.late_at IS NOT NULL AND c.wrong_password_at > c.last_seen_at)
            THEN 'wrong_password'
        WHEN c.late_at IS NOT NULL THEN 'late'
        WHEN c.attention_id IS NOT NULL THEN 'attention'
        WHEN c.last_seen_at IS NULL THEN 'waiting'
        WHEN EXISTS (
            SELECT 1 FROM job f WHERE f.company_id = c.id AND f.state = 'failed'
        ) THEN 'failed'
        ELSE c.mode
    END"""
"""How a company is: what hinders it first, before what it is meant to do."""

# The same text on both databases. First comes what a person reads, then what he copies.
VIEWS = {
    "support_companies": f"""
SELECT
    'Connection of ' || c.name AS what,
    {STANDING} AS state,
    CASE
        WHEN {STANDING} = 'attention' THEN c.attention
        WHEN c.attention IS NULL THEN w.happened
        ELSE w.happened || ' ' || c.attention
    END AS why,
    w.who_must_act,
    w.next_step,
    CASE {STANDING}
        WHEN 'late' THEN c.late_at
        WHEN 'waiting' THEN c.created_at
        WHEN 'wrong_password' THEN c.wrong_password_at
        WHEN 'attention' THEN c.last_session_at
        ELSE coalesce(c.mode_at, c.created_at)
    END AS since,
    c.name AS company,
    c.id AS company_id,
    (SELECT count(*) FROM (
        SELECT 1 FROM record r
        WHERE r.company_id = c.id AND r.waits_for IS NULL
        AND r.state IN ('conflict', 'refused', 'unlinked')
        AND NOT (r.kind = 'time_entry' AND r.state = 'unlinked')
        LIMIT 1001
    ) few) AS records_for_customer,
    (SELECT count(*) FROM (
        SELECT 1 FROM record r
        WHERE r.company_id = c.id AND r.state = 'conflict' LIMIT 1001
    ) few) AS conflicts,
    (SELECT count(*) FROM (
        SELECT 1 FROM job j
        WHERE j.company_id = c.id AND j.state = 'failed' LIMIT 1001
    ) few) AS failed_jobs,
    c.mode,
    c.attention_id,
    c.attention,
    c.late_at AS late_since,
    c.wrong_password_at,
    c.last_seen_at,
    c.last_session_at,
    c.next_read_at,
    c.username,
    c.file_name,
    c.file_path,
    c.host,
    c.owner_id,
    c.file_id,
    c.mosaic_url,
    c.mosaic_team,
    CASE WHEN c.mosaic_key IS NULL THEN 'missing' ELSE 'set' END AS mosaic_key,
    c.structure,
    c.two_way,
    c.policy,
    c.poll_every,
    c.read_every,
    c.closing_date,
    c.created_at
FROM company c
LEFT JOIN word w
    ON w.topic = CASE {STANDING} WHEN 'attention' THEN 'attention' ELSE 'company' END
    AND w.name = CASE
        WHEN {STANDING} <> 'attention' THEN {STANDING}
        WHEN EXISTS (
            SELECT 1 FROM word k
            WHERE k.topic = 'attention' AND k.name = c.attention_id
        ) THEN c.attention_id
        ELSE ''
    END
""",  # noqa: S608 - no value comes from outside
    "support_sessions": """
SELECT
    'Run of Web Connector of ' || c.name AS what,
    s.state,
    CASE
        WHEN s.last_error NOT IN ('', 'NoOp', 'Nothing to do now.') THEN s.last_error
        WHEN s.ended_why <> 'closed' THEN w.happened
        WHEN s.summary <> '' THEN s.summary
        ELSE w.happened
    END AS why,
    w.who_must_act,
    w.next_step,
    coalesce(s.ended_at, s.last_call_at) AS since,
    c.name AS company,
    s.company_id,
    s.company_id || '-' || s.id AS session,
    s.id AS session_id,
    s.started_at,
    s.last_call_at,
    s.ended_at,
    s.ended_why,
    s.percent,
    s.done,
    s.exchange_id,
    s.file_path,
    s.peer
FROM session s
JOIN company c ON c.id = s.company_id
LEFT JOIN word w ON w.topic = 'session' AND w.name = CASE
    WHEN s.state = 'closed'
        AND s.last_error NOT IN ('', 'NoOp', 'Nothing to do now.') THEN 'troubled'
    WHEN s.ended_why <> 'closed' THEN 'left'
    ELSE s.state
END
""",
    "support_jobs": """
SELECT
    j.summary AS what,
    j.state,
    coalesce(j.reason, w.happened) AS why,
    w.who_must_act,
    w.next_step,
    coalesce(
        (SELECT e.at FROM job_event e
        WHERE e.company_id = j.company_id AND e.job_id = j.id
        ORDER BY e.id DESC LIMIT 1),
        j.created_at
    ) AS since,
    c.name AS company,
    j.company_id,
    j.company_id || '-' || j.id AS job,
    j.id AS job_id,
    j.kind,
    j.action,
    j.attempt,
    j.max_attempts,
    j.created_at,
    j.run_at,
    j.sent_at,
    j.finished_at,
    j.exchange_id,
    j.record_id,
    r.name AS record_name,
    r.quickbooks_id,
    r.mosaic_id,
    r.edit_sequence
FROM job j
JOIN company c ON c.id = j.company_id
LEFT JOIN record r ON r.company_id = j.company_id AND r.id = j.record_id
LEFT JOIN word w ON w.topic = 'job' AND w.name = j.state
""",
    "support_records": """
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
    r.created_at
FROM record r
JOIN company c ON c.id = r.company_id
LEFT JOIN word w ON w.topic = r.kind AND w.name = CASE
    WHEN r.state = 'unlinked' AND r.waits_for IS NOT NULL THEN 'waits'
    WHEN r.state = 'unlinked' AND r.choice = 'later' THEN 'later'
    ELSE r.state
END
""",
    "support_exchanges": """
SELECT
    CASE
        WHEN x.writes THEN 'Writes to QuickBooks'
        WHEN x.purpose = 'work' THEN 'Questions to QuickBooks'
        WHEN x.purpose = 'hcp' THEN 'What Web Connector told of QuickBooks'
        WHEN x.purpose = 'identity' THEN 'Question which company file is open'
        ELSE 'Question whether a write was done'
    END AS what,
    x.state,
    coalesce(x.reason, x.message, w.happened) AS why,
    w.who_must_act,
    w.next_step,
    coalesce(x.answered_at, x.sent_at) AS since,
    c.name AS company,
    x.company_id,
    x.company_id || '-' || x.id AS exchange,
    x.id AS exchange_id,
    x.session_id,
    x.purpose,
    x.writes,
    x.message_set_id,
    x.sent_at,
    x.answered_at,
    x.applied_at,
    x.failed_at,
    x.hresult,
    x.message,
    x.request,
    x.answer
FROM exchange x
JOIN company c ON c.id = x.company_id
LEFT JOIN word w ON w.topic = 'exchange' AND w.name = CASE
    WHEN x.failed_at IS NOT NULL THEN 'unused' ELSE x.state
END
""",
    "support_calls": """
SELECT
    m.operation || ' ' || replace(m.data_type, '_', ' ')
        || coalesce(' ' || r.name, '') AS what,
    m.state,
    coalesce(m.reason, w.happened) AS why,
    w.who_must_act,
    w.next_step,
    coalesce(m.settled_at, m.created_at) AS since,
    c.name AS company,
    m.company_id,
    m.company_id || '-' || m.id AS call,
    m.id AS call_id,
    m.operation,
    m.data_type,
    m.mosaic_id,
    m.record_id,
    r.quickbooks_id,
    m.fields,
    m.ref,
    m.api_request_id,
    m.created_at,
    m.check_at,
    m.settled_at,
    m.looks
FROM mosaic_call m
JOIN company c ON c.id = m.company_id
LEFT JOIN record r ON r.company_id = m.company_id AND r.id = m.record_id
LEFT JOIN word w ON w.topic = 'call' AND w.name = m.state
""",
    "support_history": """
SELECT
    e.what,
    e.by AS who,
    e.at,
    replace(r.kind, '_', ' ') || ' ' || r.name AS about,
    e.detail,
    c.name AS company,
    e.company_id,
    e.company_id || '-' || e.record_id AS record,
    e.record_id,
    e.id AS event_id
FROM record_event e
JOIN company c ON c.id = e.company_id
LEFT JOIN record r ON r.company_id = e.company_id AND r.id = e.record_id
""",
    "support_audit": """
SELECT
    a.what,
    a.who,
    a.why,
    a.at,
    a.detail,
    a.times,
    a.last_at,
    c.name AS company,
    a.company_id,
    a.id AS audit_id
FROM audit a
JOIN company c ON c.id = a.company_id
""",
    "support_words": """
SELECT happened AS what, name, topic, who_must_act, next_step, more, menu FROM word
""",
}


def upgrade() -> None:
    for name in ("mode_at", "wrong_password_at"):
        op.add_column(
            "company", sa.Column(name, sa.DateTime(timezone=True), nullable=True)
        )
    op.create_table(
        "word",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("happened", sa.Text(), nullable=False),
        sa.Column("who_must_act", sa.Text(), nullable=False),
        sa.Column("next_step", sa.Text(), nullable=False),
        sa.Column("more", sa.Text(), nullable=False),
        sa.Column("menu", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "name", name=op.f("pk_word")),
    )
    for table, condition in NEEDS_LOOKING.items():
        op.create_index(
            f"ix_{table}_support",
            table,
            ["state", "company_id", "id"],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )
    for name in ("quickbooks_id", "mosaic_id"):
        there = sa.text(f"{name} IS NOT NULL")
        op.create_index(
            f"ix_record_{name}",
            "record",
            [name],
            sqlite_where=there,
            postgresql_where=there,
        )
    op.create_index("ix_exchange_sent", "exchange", ["company_id", "sent_at"])
    of_a_record = sa.text("record_id IS NOT NULL")
    op.create_index(
        "ix_job_of_record",
        "job",
        ["company_id", "record_id", "id"],
        sqlite_where=of_a_record,
        postgresql_where=of_a_record,
    )
    for name, text in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {text.strip()}")
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute(SUPPORT_ROLE)
    op.execute("REVOKE INSERT, UPDATE, DELETE ON word FROM qbwc_app")
    for name in VIEWS:
        op.execute(f"REVOKE ALL ON {name} FROM qbwc_app")
        op.execute(f"GRANT SELECT ON {name} TO qbwc_support")


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    if op.get_context().dialect.name == "postgresql":
        op.execute(DROP_SUPPORT_ROLE)
    op.drop_index("ix_job_of_record", table_name="job")
    op.drop_index("ix_exchange_sent", table_name="exchange")
    for name in ("mosaic_id", "quickbooks_id"):
        op.drop_index(f"ix_record_{name}", table_name="record")
    for table in reversed(NEEDS_LOOKING):
        op.drop_index(f"ix_{table}_support", table_name=table)
    op.drop_table("word")
    for name in ("wrong_password_at", "mode_at"):
        op.drop_column("company", name)
