"""A record and a job know what their company waits for, since when, and who acts on it.

What is on its way while the company stops is nobody's no more: it says what stops it.

Revision ID: 0031
Revises: 0030
"""

from __future__ import annotations

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# What keeps a company from going on, the first of all that does; `l` is the attention
# that goes first of it. Who gets at QuickBooks reads, though nothing may be written.
_LED = """CASE WHEN EXISTS (
            SELECT 1 FROM word k WHERE k.topic = 'attention' AND k.name = c.attention_id
        ) THEN c.attention_id ELSE '' END"""
_PAUSED = "WHEN c.mode = 'paused' THEN 'paused'"
_CALLS = """WHEN c.wrong_password_at IS NOT NULL AND (c.last_seen_at IS NULL
            OR c.late_at IS NOT NULL AND c.wrong_password_at > c.last_seen_at)
            THEN 'wrong_password'
        WHEN c.late_at IS NOT NULL THEN 'late'
        WHEN c.last_seen_at IS NULL THEN 'waiting'"""
_PREVIEW = "WHEN c.mode = 'preview' THEN 'preview'"
_STOP = f"WHEN l.place < 2 THEN {_LED}"
_FILE = f"WHEN l.place = 6 THEN {_LED}"
_MOSAIC = f"""WHEN l.place = 7 THEN {_LED}
        WHEN c.mosaic_key IS NULL THEN 'mosaic-key-missing'"""
_ANYTHING = f"CASE {_STOP} {_PAUSED} {_CALLS} {_FILE} {_MOSAIC} {_PREVIEW} END"
_A_READ = f"CASE {_PAUSED} {_CALLS} {_FILE} END"
_A_WRITE = f"CASE {_STOP} {_PAUSED} {_CALLS} {_FILE} {_PREVIEW} END"
_OF_COMPANY = """FROM company c
LEFT JOIN attention l ON l.company_id = c.id AND l.reason = c.attention_id
    AND l.ended_at IS NULL"""


def _held(alias: str, name: str) -> str:
    """Return the join of the words of what holds a company: once, not for each row."""
    return f"""LEFT JOIN word {alias} ON {alias}.topic IN ('company', 'attention')
    AND {alias}.name = {name}"""


def _told(alias: str) -> dict[str, str]:
    """Return by column what is told of it: `h` is its words, of whatever alias."""
    led = f"{alias}.topic = 'attention' AND {alias}.name IN (c.attention_id, '')"
    return {
        "why": f"""'It waits: ' || CASE WHEN {led} AND c.attention <> ''
            THEN c.attention ELSE {alias}.happened END""",
        "who": f"""CASE WHEN {led} AND {alias}.who_must_act = 'nobody' AND l.place < 2
            THEN 'support' ELSE {alias}.who_must_act END""",
        "step": f"{alias}.next_step",
        "because": f"CASE WHEN {led} THEN c.attention_id ELSE {alias}.name END",
        "since": f"""CASE WHEN {led} THEN l.began_at ELSE CASE {alias}.name
            WHEN 'paused' THEN coalesce(c.mode_at, c.created_at)
            WHEN 'preview' THEN coalesce(c.mode_at, c.created_at)
            WHEN 'wrong_password' THEN c.wrong_password_at
            WHEN 'late' THEN c.late_at
            WHEN 'waiting' THEN c.created_at END END""",
    }


def _if(waits: dict[str, str], column: str, other: str) -> str:
    """Return a column of what waits, by when it does, and of what does not."""
    parts = (
        f"WHEN {when} THEN {_told(alias)[column]}" for alias, when in waits.items()
    )
    return f"CASE {' '.join(parts)} ELSE {other} END"


_RECORD = {"h": "r.state = 'pending' AND h.name IS NOT NULL"}
_OPEN = "j.state IN ('waiting', 'ready', 'unsure')"
_JOB = {
    "g": f"{_OPEN} AND j.action = 'read' AND g.name IS NOT NULL",
    "h": f"{_OPEN} AND j.action <> 'read' AND h.name IS NOT NULL",
}
RECORDS = f"""
SELECT
    replace(r.kind, '_', ' ') || ' ' || r.name AS what,
    r.state,
    {_if(_RECORD, "why", "coalesce(r.reason, w.happened)")} AS why,
    {_if(_RECORD, "who", "w.who_must_act")} AS who_must_act,
    {_if(_RECORD, "step", "w.next_step")} AS next_step,
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
    r.failures,
    CASE WHEN r.kind = 'time_entry' THEN coalesce(
        (SELECT p.name FROM record p
        WHERE p.company_id = r.company_id
        AND p.kind IN ('employee', 'other_name', 'vendor')
        AND p.quickbooks_id = r.quickbooks ->> 'person'
        ORDER BY p.kind LIMIT 1),
        (SELECT p.name FROM record p
        WHERE p.company_id = r.company_id AND p.mosaic_type = 'employee'
        AND p.mosaic_id = CAST(r.mosaic ->> 'person' AS bigint)),
        (SELECT coalesce(
            m.snapshot ->> 'first_name' || ' ' || (m.snapshot ->> 'last_name'), m.name
        ) FROM mosaic_object m
        WHERE m.company_id = r.company_id AND m.data_type = 'employee'
        AND m.mosaic_id = CAST(r.mosaic ->> 'person' AS bigint))
    ) END AS person,
    CASE WHEN r.kind = 'time_entry' THEN coalesce(
        (SELECT j.name FROM record j
        WHERE j.company_id = r.company_id AND j.kind = 'customer'
        AND j.quickbooks_id = r.quickbooks ->> 'job'),
        (SELECT j.name FROM record j
        WHERE j.company_id = r.company_id AND j.mosaic_type = 'phase'
        AND j.mosaic_id = CAST(r.mosaic -> 'job' ->> 1 AS bigint)),
        (SELECT j.name FROM record j
        WHERE j.company_id = r.company_id AND j.mosaic_type = 'project'
        AND j.mosaic_id = CAST(r.mosaic -> 'job' ->> 0 AS bigint)),
        (SELECT m.name FROM mosaic_object m
        WHERE m.company_id = r.company_id AND m.data_type = 'project'
        AND m.mosaic_id = CAST(r.mosaic -> 'job' ->> 0 AS bigint))
    ) END AS job,
    CASE WHEN r.kind = 'time_entry' THEN coalesce(
        CAST(r.quickbooks ->> 'minutes' AS integer),
        CAST(r.mosaic ->> 'minutes' AS integer)
    ) END AS minutes,
    {_if(_RECORD, "because", "NULL")} AS waits_because,
    {_if(_RECORD, "since", "NULL")} AS waits_since
{_OF_COMPANY}
{_held("h", _ANYTHING)}
JOIN record r ON r.company_id = c.id
LEFT JOIN word w ON w.topic = r.kind AND w.name = CASE
    WHEN r.unread IS NOT NULL AND r.state = 'refused' THEN 'unread'
    WHEN r.kind = 'time_entry' AND r.state = 'unlinked' AND r.waits_for IS NOT NULL
        AND r.quickbooks_id IS NULL THEN 'unplaced'
    WHEN r.restored = 'copy' AND r.state = 'refused' THEN 'perhaps_known'
    WHEN r.restored IS NOT NULL AND r.state = 'refused' THEN 'restored'
    WHEN r.restored <> 'copy' AND r.state = 'gone' THEN 'left'
    WHEN r.failures >= 5 AND r.state = 'refused' THEN 'fails'
    WHEN r.state = 'unlinked' AND r.waits_for IS NOT NULL THEN 'waits'
    WHEN r.state = 'unlinked' AND r.choice = 'later' THEN 'later'
    ELSE r.state
END
"""  # noqa: S608 - our own names
JOBS = f"""
SELECT
    j.summary AS what,
    j.state,
    {_if(_JOB, "why", "coalesce(j.reason, w.happened)")} AS why,
    {_if(_JOB, "who", "w.who_must_act")} AS who_must_act,
    {_if(_JOB, "step", "w.next_step")} AS next_step,
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
    r.edit_sequence,
    {_if(_JOB, "because", "NULL")} AS waits_because,
    {_if(_JOB, "since", "NULL")} AS waits_since
{_OF_COMPANY}
{_held("h", _A_WRITE)}
{_held("g", _A_READ)}
JOIN job j ON j.company_id = c.id
LEFT JOIN record r ON r.company_id = j.company_id AND r.id = j.record_id
LEFT JOIN word w ON w.topic = 'job' AND w.name = j.state
"""  # noqa: S608 - our own names
VIEWS = {"support_records": RECORDS, "support_jobs": JOBS}


def upgrade() -> None:
    for name, text in VIEWS.items():
        _make(name, text)


def downgrade() -> None:
    script = op.get_context().script
    if script is None:
        raise RuntimeError
    hours = script.get_revision("0027").module
    _make("support_records", hours.RECORDS.format(more=hours.PLACE))
    _make("support_jobs", script.get_revision("0008").module.VIEWS["support_jobs"])


def _make(name: str, text: str) -> None:
    op.execute(f"DROP VIEW {name}")
    op.execute(f"CREATE VIEW {name} AS {text.strip()}")
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"REVOKE ALL ON {name} FROM qbwc_app")
        op.execute(f"GRANT SELECT ON {name} TO qbwc_support")
