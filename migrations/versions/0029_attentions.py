"""What a person must look at is a row each, with when it began and was seen, and ended.

`attention_id` and `attention` of a company go on saying what goes first of it, which is
all that the program before this one knows. What stands gets a row; it began with the
first of the runs that ended with it, or with the last run, as far as is known.

Revision ID: 0029
Revises: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

COMPANY = "CAST(current_setting('qbwc.company') AS bigint)"
_PLACE = """CASE
        WHEN c.attention_id IN ('backup-restored', 'backup-restored-which-side') THEN 0
        WHEN c.attention_id IN ('too-many-gone', 'mosaic-too-many-gone') THEN 1
        WHEN c.attention_id IN ('time-tracking-off', 'company-file-moved',
            'quickbooks-unsupported-edition', 'quickbooks-unsupported-version',
            'quickbooks-unsupported-country') THEN 15
        WHEN c.attention_id IN ('list-not-read', 'write-in-doubt', 'two-computers')
            OR substr(c.attention_id, 1, 18) = 'quickbooks-status-' THEN 9
        WHEN substr(c.attention_id, 1, 7) = 'mosaic-' THEN 7
        ELSE 6
    END"""
_BEGAN = """coalesce((
        SELECT min(s.started_at) FROM session s
        WHERE s.company_id = c.id AND s.last_error = c.attention AND s.id > coalesce((
            SELECT max(o.id) FROM session o
            WHERE o.company_id = c.id AND o.ended_at IS NOT NULL AND (o.identified
                OR o.last_error NOT IN (c.attention, '', 'NoOp', 'Nothing to do now.'))
        ), 0)
    ), c.last_session_at, c.created_at)"""
STANDING_NOW = f"""
INSERT INTO attention (company_id, id, reason, place, text, began_at, seen_at)
SELECT c.id, n.last_id + 1, c.attention_id, {_PLACE}, coalesce(c.attention, ''),
    {_BEGAN}, coalesce(c.last_session_at, c.created_at)
FROM company c JOIN company_sequence n ON n.company_id = c.id
WHERE c.attention_id IS NOT NULL
"""  # noqa: S608 - our own names
NUMBERED = """
UPDATE company_sequence SET last_id = last_id + 1
WHERE company_id IN (SELECT id FROM company WHERE attention_id IS NOT NULL)
"""

# Every reason once, in the order in which it is told: where it stands, what it is called,
# since when, and when it is one. `l` is the attention that goes first of its company.
_SINCE_MODE = "coalesce(c.mode_at, c.created_at)"
_WRONG = """c.wrong_password_at IS NOT NULL AND (c.last_seen_at IS NULL
        OR c.late_at IS NOT NULL AND c.wrong_password_at > c.last_seen_at)"""
OF_COMPANY = (
    (2, "paused", _SINCE_MODE, "c.mode = 'paused'"),
    (3, "wrong_password", "c.wrong_password_at", _WRONG),
    (4, "late", "c.late_at", "c.late_at IS NOT NULL AND c.mode <> 'paused'"),
    (
        5,
        "waiting",
        "c.created_at",
        "c.last_seen_at IS NULL AND c.wrong_password_at IS NULL",
    ),
    (14, "preview", _SINCE_MODE, "c.mode = 'preview'"),
)
_FAULT = """(k.state = 'refused' AND (k.unread IS NOT NULL
        OR k.failures >= 5 AND k.restored IS NULL))"""
FEW = {
    "failed": "k.created_at AS at FROM job k WHERE k.company_id = c.id "
    "AND k.state = 'failed'",
    "unused": "k.failed_at AS at FROM exchange k WHERE k.company_id = c.id "
    "AND k.failed_at IS NOT NULL",
    "faults": "k.changed_at AS at FROM record k WHERE k.company_id = c.id "
    f"AND {_FAULT}",
    "records": "k.changed_at AS at FROM record k WHERE k.company_id = c.id "
    "AND k.state IN ('conflict', 'refused', 'unlinked') AND NOT (k.state = 'unlinked' "
    "AND (k.kind = 'time_entry' OR k.waits_for IS NOT NULL)) "
    f"AND NOT {_FAULT}",
}
_KNOWN = """CASE WHEN EXISTS (
        SELECT 1 FROM word k WHERE k.topic = 'attention' AND k.name = {id}
    ) THEN {id} ELSE '' END"""
_NO_MOMENT = "CASE WHEN 1 = 0 THEN c.created_at END"
_NO_NUMBER = "CASE WHEN 1 = 0 THEN 1 END"
_KEY_MISSING = """c.mosaic_key IS NULL AND NOT EXISTS (
    SELECT 1 FROM attention m WHERE m.company_id = c.id AND m.ended_at IS NULL
    AND m.reason = 'mosaic-key-missing'
)"""


def _of_company(place: int, reason: str, since: str, which: str) -> str:
    seen = since if reason == "wrong_password" else _NO_MOMENT
    return f"""
SELECT c.name AS company, {place} AS place, '{reason}' AS reason, {since} AS since,
    {seen} AS last_seen_at, w.who_must_act, w.happened AS why, w.next_step,
    {_NO_NUMBER} AS many, c.name AS what, c.id AS company_id
FROM company c LEFT JOIN word w ON w.topic = 'company' AND w.name = '{reason}'
WHERE {which}
"""  # noqa: S608 - our own names


def _counted(place: int, reason: str) -> str:
    few = f"(SELECT {FEW[reason]} LIMIT 1001) few"
    return f"""
SELECT c.name, {place}, '{reason}', (SELECT min(few.at) FROM {few}), {_NO_MOMENT},
    w.who_must_act, w.happened, w.next_step, (SELECT count(*) FROM {few}), c.name, c.id
FROM company c LEFT JOIN word w ON w.topic = 'company' AND w.name = '{reason}'
WHERE EXISTS (SELECT {FEW[reason]})
"""  # noqa: S608 - our own names


ATTENTIONS = "UNION ALL".join(
    (
        *(_of_company(*one) for one in OF_COMPANY),
        f"""
SELECT c.name, a.place, a.reason, a.began_at, a.seen_at,
    CASE WHEN w.who_must_act = 'nobody' AND a.place < 2 THEN 'support'
        ELSE w.who_must_act END,
    CASE WHEN a.text = '' THEN w.happened ELSE a.text END, w.next_step, {_NO_NUMBER},
    c.name, c.id
FROM company c
JOIN attention a ON a.company_id = c.id AND a.ended_at IS NULL
LEFT JOIN word w ON w.topic = 'attention' AND w.name = {_KNOWN.format(id="a.reason")}
""",  # noqa: S608 - our own names
        f"""
SELECT c.name, 8, 'mosaic-key-missing', {_NO_MOMENT}, {_NO_MOMENT}, w.who_must_act,
    w.happened, w.next_step, {_NO_NUMBER}, c.name, c.id
FROM company c LEFT JOIN word w
    ON w.topic = 'attention' AND w.name = 'mosaic-key-missing'
WHERE {_KEY_MISSING}
""",  # noqa: S608 - our own names
        *(_counted(place, name) for place, name in enumerate(FEW, 10)),
    )
)

# The same of the first alone, for a row a company; `l` is the attention that goes first.
_LEADS = "coalesce(l.place, CASE WHEN c.attention_id IS NOT NULL THEN 6 END)"
_LED = _KNOWN.format(id="c.attention_id")
_FIRST = (
    (0, _LED, f"{_LEADS} < 2"),
    *((place, f"'{name}'", which) for place, name, _, which in OF_COMPANY),
    (6, _LED, f"{_LEADS} BETWEEN 2 AND 7"),
    (8, "'mosaic-key-missing'", "c.mosaic_key IS NULL"),
    (9, _LED, f"{_LEADS} = 9"),
    *(
        (place, f"'{name}'", f"EXISTS (SELECT {few})")
        for place, (name, few) in enumerate(FEW.items(), 10)
    ),
    (15, _LED, f"{_LEADS} = 15"),
)
_NAME = "\n        ".join(
    f"WHEN {which} THEN {name}"
    for _, name, which in sorted(_FIRST, key=lambda one: one[0])
)
_SINCE = "\n        ".join(
    (
        *(f"WHEN '{name}' THEN {since}" for _, name, since, _ in OF_COMPANY),
        *(
            f"WHEN '{name}' THEN (SELECT min(few.at) FROM (SELECT {few} LIMIT 1001) few)"  # noqa: S608 - our own names
            for name, few in FEW.items()
        ),
    )
)
_IS_LED = "w.topic = 'attention' AND w.name IN (c.attention_id, '')"
COMPANIES = f"""
SELECT
    'Connection of ' || c.name AS what,
    CASE WHEN w.topic = 'attention' THEN 'attention' ELSE w.name END AS state,
    CASE WHEN {_IS_LED} AND c.attention <> '' THEN c.attention
        ELSE w.happened END AS why,
    CASE WHEN {_IS_LED} AND w.who_must_act = 'nobody' AND l.place < 2 THEN 'support'
        ELSE w.who_must_act END AS who_must_act,
    w.next_step,
    CASE WHEN {_IS_LED} THEN l.began_at ELSE CASE w.name {_SINCE}
        WHEN 'live' THEN {_SINCE_MODE} END END AS since,
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
    (SELECT count(*) FROM (SELECT {FEW["unused"]} LIMIT 1001) few) AS unread_answers,
    (SELECT count(*) FROM (SELECT {FEW["faults"]} LIMIT 1001) few) AS our_faults,
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
LEFT JOIN attention l ON l.company_id = c.id AND l.reason = c.attention_id
    AND l.ended_at IS NULL
LEFT JOIN word w ON w.topic IN ('company', 'attention') AND w.name = CASE
        {_NAME}
        ELSE 'live' END
"""  # noqa: S608 - our own names

FIGURES = """
SELECT 'mode' AS what, c.mode AS name, count(*) AS number
FROM company c
GROUP BY c.mode
UNION ALL
SELECT 'late', '', count(*)
FROM company c
WHERE c.late_at IS NOT NULL
UNION ALL
SELECT 'attention', a.reason, count(*)
FROM attention a
WHERE a.ended_at IS NULL
GROUP BY a.reason
"""
VIEWS = {"support_attentions": ATTENTIONS, "support_companies": COMPANIES}
_BEFORE = {"support_attentions": "0027", "support_companies": "0008"}


def upgrade() -> None:
    op.create_table(
        "attention",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_attention_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_attention")),
    )
    standing = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_attention_standing",
        "attention",
        ["company_id", "reason"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    op.execute(STANDING_NOW)
    op.execute(NUMBERED)
    for name, text in VIEWS.items():
        _make(name, text)
    _make("figures_of_companies", FIGURES, seen_by="qbwc_app")
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE attention ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY one_company ON attention USING (company_id = {COMPANY})")


def downgrade() -> None:
    script = op.get_context().script
    if script is None:
        raise RuntimeError
    for name, revision in _BEFORE.items():
        _make(name, script.get_revision(revision).module.VIEWS[name])
    figures = script.get_revision("0026").module.FIGURES
    _make("figures_of_companies", figures, seen_by="qbwc_app")
    op.drop_table("attention")


def _make(name: str, text: str, *, seen_by: str = "qbwc_support") -> None:
    op.execute(f"DROP VIEW {name}")
    op.execute(f"CREATE VIEW {name} AS {text.strip()}")
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"REVOKE ALL ON {name} FROM qbwc_app")
        op.execute(f"GRANT SELECT ON {name} TO {seen_by}")
