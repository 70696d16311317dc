"""Hours of both sides, and why they differ; all that hinders a company, not the first.

The views of hours say by the links of today whose hours they are: one entry that the two sides
have at different places stands in two rows, so what is added up by person, day or job is
what each side has. No table changes, and nothing is read that is not looked up.

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# Of support_records: whose time it is, on which job, and how long; QuickBooks' first.
PLACE = """,
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
    ) END AS minutes"""
RECORDS = """
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
    r.failures{more}
FROM record r
JOIN company c ON c.id = r.company_id
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
"""

# What QuickBooks has: not what a restored backup took, though it is still known.
_HAS_QUICKBOOKS = """r.quickbooks IS NOT NULL
        AND coalesce(r.restored, '') NOT IN ('missing', 'add', 'left')
        AND (NOT r.quickbooks_gone OR r.restored = 'again')"""
_HAS_MOSAIC = "r.mosaic IS NOT NULL AND NOT r.mosaic_gone"
_MAIN = """(r.mosaic -> 'job' ->> 1 IS NULL
            OR r.mosaic -> 'job' ->> 1 = jp.mosaic ->> 'main_phase_id'
            OR CAST(mf.snapshot ->> 'is_main' AS text) IN ('true', '1'))"""
_SAME_JOB = f"""CASE
            WHEN r.quickbooks ->> 'job' IS NULL
                THEN r.mosaic -> 'job' ->> 0 IS NULL
            WHEN jf.id IS NOT NULL THEN jf.id = jq.id OR EXISTS (
                SELECT 1 FROM record u
                LEFT JOIN record v ON v.company_id = u.company_id
                    AND v.kind = 'customer' AND v.quickbooks_id = u.parent_id
                LEFT JOIN record x ON x.company_id = v.company_id
                    AND x.kind = 'customer' AND x.quickbooks_id = v.parent_id
                WHERE u.company_id = r.company_id AND u.kind = 'customer'
                AND u.quickbooks_id = jq.parent_id AND jf.id IN (u.id, v.id, x.id)
            )
            WHEN {_MAIN} THEN jp.id = jq.id
        END"""  # noqa: S608 - our own names
_AWAITED = """CASE
        WHEN substr(r.waits_for, 1, 9) = 'employee:' THEN '{employee}'
        WHEN substr(r.waits_for, 1, 7) = 'vendor:' THEN '{vendor}'
        WHEN substr(r.waits_for, 1, 11) = 'other_name:' THEN '{other}'
        WHEN substr(r.waits_for, 1, 9) = 'customer:' THEN '{customer}'
        WHEN substr(r.waits_for, 1, 8) = 'project:' THEN '{project}'
        WHEN substr(r.waits_for, 1, 6) = 'phase:' THEN '{project}'
        WHEN substr(r.waits_for, 1, 13) = 'service_item:' THEN '{item}'
        WHEN substr(r.waits_for, 1, 23) = 'standard_work_category:' THEN '{item}'
    END"""
_KIND = _AWAITED.format(
    employee="employee",
    vendor="vendor",
    other="other_name",
    customer="customer",
    project="",
    item="service_item",
)
_MISSING = _AWAITED.format(
    **dict.fromkeys(("employee", "vendor", "other"), "person"),
    **dict.fromkeys(("customer", "project"), "job"),
    item="item",
)
_STOPPING = """(
        'too-many-gone', 'mosaic-too-many-gone', 'backup-restored',
        'backup-restored-which-side')"""
_UNDER_WAY = f"""CASE
        WHEN c.mode = 'paused' THEN 'paused'
        WHEN c.mode <> 'live' THEN 'preview'
        WHEN c.late_at IS NOT NULL THEN 'late'
        WHEN c.attention_id IN {_STOPPING} OR a.who_must_act <> 'nobody' THEN 'stopped'
        WHEN EXISTS (
            SELECT 1 FROM job f WHERE f.company_id = r.company_id
            AND f.record_id = r.id AND f.state = 'failed'
        ) THEN 'failed'
        ELSE 'on_its_way'
    END"""  # noqa: S608 - our own names
_WHY = f"""CASE
        WHEN r.state = 'do_not_link' THEN 'left_out'
        WHEN r.restored IN ('missing', 'older', 'again') AND r.state <> 'gone'
            THEN 'restored'
        WHEN r.state IN ('conflict', 'locked') THEN r.state
        WHEN r.state = 'refused' AND r.restored = 'copy' THEN 'perhaps_known'
        WHEN r.state = 'refused' AND r.failures >= 5 THEN 'fails'
        WHEN r.state = 'refused' AND r.waits_for = 'company:before-live'
            THEN 'before_live'
        WHEN r.state = 'refused' THEN 'refused'
        WHEN r.state = 'unlinked' AND r.quickbooks_id IS NULL AND NOT c.two_way
            THEN 'one_way'
        WHEN r.state = 'unlinked' AND r.quickbooks_id IS NULL
            AND c.before_live = 'leave' AND r.waits_for IS NULL
            AND (c.first_known_at IS NULL OR r.created_at <= c.first_known_at)
            THEN 'left_before_live'
        WHEN r.state = 'unlinked' AND w.state IN ('pending', 'in_sync')
            THEN {_UNDER_WAY}
        WHEN r.state = 'unlinked' THEN coalesce({_MISSING}, 'cannot_go')
        WHEN r.state = 'pending' THEN {_UNDER_WAY}
        WHEN r.state = 'in_sync' AND (
            r.conflict -> 'person' ->> 'settled' = 'left'
            OR r.conflict -> 'job' ->> 'settled' = 'left'
            OR NOT c.two_way AND (r.conflict -> 'person' ->> 'settled' = 'mosaic'
                OR r.conflict -> 'job' ->> 'settled' = 'mosaic')
        ) THEN 'left'
        ELSE 'unexplained'
    END"""
_ENTRIES = f"""
SELECT
    r.*,
    c.name AS company,
    c.attention_id,
    a.who_must_act AS attention_who,
    a.next_step AS attention_step,
    CASE WHEN {_HAS_QUICKBOOKS} THEN 1 ELSE 0 END AS has_quickbooks,
    CASE WHEN {_HAS_MOSAIC} THEN 1 ELSE 0 END AS has_mosaic,
    CASE WHEN {_HAS_QUICKBOOKS} AND {_HAS_MOSAIC}
        AND r.mosaic ->> 'date' = r.day AND pq.id = pm.id
        AND {_SAME_JOB} THEN 1 ELSE 0
    END AS one_place,
    CASE WHEN {_HAS_QUICKBOOKS} THEN CAST(r.quickbooks ->> 'minutes' AS integer)
        WHEN r.unread IS NULL THEN 0
    END AS of_quickbooks,
    CAST(r.mosaic ->> 'minutes' AS integer) AS of_mosaic,
    r.mosaic ->> 'date' AS day_in_mosaic,
    coalesce(pq.name, r.quickbooks ->> 'person') AS person_in_quickbooks,
    jq.name AS job_in_quickbooks,
    coalesce(
        pm.name,
        mp.snapshot ->> 'first_name' || ' ' || (mp.snapshot ->> 'last_name'),
        mp.name, CAST(r.mosaic ->> 'person' AS text)
    ) AS person_in_mosaic,
    coalesce(
        jf.name,
        coalesce(jp.name, mj.name, CAST(r.mosaic -> 'job' ->> 0 AS text))
            || CASE WHEN {_MAIN} THEN '' ELSE coalesce(' / ' || mf.name, '') END
    ) AS job_in_mosaic,
    CASE WHEN r.unread IS NOT NULL AND r.state NOT IN ('gone', 'do_not_link')
        THEN 'unread' ELSE {_WHY}
    END AS differs_by
FROM record r
JOIN company c ON c.id = r.company_id
LEFT JOIN word a ON a.topic = 'attention' AND a.name = CASE
    WHEN EXISTS (
        SELECT 1 FROM word k WHERE k.topic = 'attention' AND k.name = c.attention_id
    ) THEN c.attention_id
    WHEN c.attention_id IS NOT NULL THEN ''
END
LEFT JOIN record pq ON pq.company_id = r.company_id AND pq.id = (
    SELECT p.id FROM record p WHERE p.company_id = r.company_id
    AND p.kind IN ('employee', 'other_name', 'vendor')
    AND p.quickbooks_id = r.quickbooks ->> 'person' ORDER BY p.kind LIMIT 1
)
LEFT JOIN record jq ON jq.company_id = r.company_id AND jq.kind = 'customer'
    AND jq.quickbooks_id = r.quickbooks ->> 'job'
LEFT JOIN record pm ON pm.company_id = r.company_id AND pm.mosaic_type = 'employee'
    AND pm.mosaic_id = CAST(r.mosaic ->> 'person' AS bigint)
LEFT JOIN record jp ON jp.company_id = r.company_id AND jp.mosaic_type = 'project'
    AND jp.mosaic_id = CAST(r.mosaic -> 'job' ->> 0 AS bigint)
LEFT JOIN record jf ON jf.company_id = r.company_id AND jf.mosaic_type = 'phase'
    AND jf.mosaic_id = CAST(r.mosaic -> 'job' ->> 1 AS bigint)
LEFT JOIN mosaic_object mp ON mp.company_id = r.company_id
    AND mp.data_type = 'employee'
    AND mp.mosaic_id = CAST(r.mosaic ->> 'person' AS bigint)
LEFT JOIN mosaic_object mj ON mj.company_id = r.company_id
    AND mj.data_type = 'project'
    AND mj.mosaic_id = CAST(r.mosaic -> 'job' ->> 0 AS bigint)
LEFT JOIN mosaic_object mf ON mf.company_id = r.company_id AND mf.data_type = 'phase'
    AND mf.mosaic_id = CAST(r.mosaic -> 'job' ->> 1 AS bigint)
LEFT JOIN record w ON w.company_id = r.company_id AND w.kind = {_KIND}
    AND w.quickbooks_id = substr(r.waits_for, length({_KIND}) + 2)
WHERE r.kind = 'time_entry'
"""  # noqa: S608 - our own names
_ROW = """
SELECT
    e.company,
    {person} AS person,
    {day} AS day,
    {job} AS job,
    {quickbooks} AS quickbooks_minutes,
    {mosaic} AS mosaic_minutes,
    {quickbooks} - {mosaic} AS difference,
    {reason} AS reason,
    CASE WHEN {reason} = 'same' THEN h.happened
        ELSE coalesce(e.reason, h.happened) END AS why,
    CASE WHEN {reason} <> 'stopped' THEN h.who_must_act
        WHEN e.attention_who = 'nobody' THEN 'support'
        ELSE e.attention_who END AS who_must_act,
    CASE WHEN {reason} = 'stopped' AND e.attention_who <> 'nobody'
        THEN e.attention_step ELSE h.next_step END AS next_step,
    e.changed_at AS since,
    'time entry ' || e.name AS what,
    e.company_id || '-' || e.id AS record,
    e.state,
    e.company_id,
    e.id AS record_id,
    e.quickbooks_id,
    e.mosaic_id
FROM ({entries}) e
LEFT JOIN word h ON h.topic = 'hours' AND h.name = {reason}
WHERE {which}
"""
_IN_MOSAIC = {
    "entries": _ENTRIES.strip(),
    "person": "e.person_in_mosaic",
    "job": "e.job_in_mosaic",
    "quickbooks": "0",
    "mosaic": "e.of_mosaic",
    "reason": "e.differs_by",
}
_SPLIT = "e.has_mosaic = 1 AND e.one_place = 0"
_MOVED = "e.day_in_mosaic <> e.day AND e.state NOT IN ('in_sync', 'gone')"
PARTS = (
    # As QuickBooks has it, with Mosaic's hours where both have it at one place; and
    # what neither is known to have, but somebody worked.
    {
        "entries": _ENTRIES.strip(),
        "person": "e.person_in_quickbooks",
        "day": "e.day",
        "job": "e.job_in_quickbooks",
        "quickbooks": "e.of_quickbooks",
        "mosaic": "CASE WHEN e.one_place = 1 THEN e.of_mosaic ELSE 0 END",
        "reason": "CASE WHEN e.differs_by <> 'unread' AND e.one_place = 1 "
        "AND e.of_quickbooks = e.of_mosaic THEN 'same' ELSE e.differs_by END",
        "which": "e.has_quickbooks = 1 OR e.has_mosaic = 0 AND e.state <> 'gone' "
        "AND (e.unread IS NOT NULL OR e.restored IN ('missing', 'add'))",
    },
    # What Mosaic has at another place, or alone.
    {**_IN_MOSAIC, "day": "e.day", "which": f"{_SPLIT} AND NOT ({_MOVED})"},
    # On another day: what is in sync, which most is, need not be looked through.
    {**_IN_MOSAIC, "day": "e.day_in_mosaic", "which": f"{_SPLIT} AND {_MOVED}"},
)
HOURS = "UNION ALL".join(_ROW.format(**part) for part in PARTS)

# All that hinders a company at once, in the order in which it is told: a stop first.
_RUNS = """
    SELECT s.started_at FROM session s
    WHERE s.company_id = c.id AND s.last_error = c.attention AND s.id > coalesce((
        SELECT o.id FROM session o
        WHERE o.company_id = c.id AND o.ended_at IS NOT NULL AND (o.identified
            OR o.last_error NOT IN (c.attention, '', 'NoOp', 'Nothing to do now.'))
        ORDER BY o.id DESC LIMIT 1
    ), 0) ORDER BY s.id {way} LIMIT 1"""
_FAULT = """(k.state = 'refused' AND (k.unread IS NOT NULL
        OR k.failures >= 5 AND k.restored IS NULL))"""
_FEW = {
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
_WRONG = """c.wrong_password_at IS NOT NULL AND (c.last_seen_at IS NULL
        OR c.late_at IS NOT NULL AND c.wrong_password_at > c.last_seen_at)"""


def _of_company(
    place: int, reason: str, since: str, which: str, *, seen: str = "NULL"
) -> str:
    moment = seen if seen != "NULL" else "CASE WHEN 1 = 0 THEN c.created_at END"
    many = "CASE WHEN 1 = 0 THEN 1 END"
    return f"""
SELECT c.name AS company, {place} AS place, '{reason}' AS reason, {since} AS since,
    {moment} AS last_seen_at, w.who_must_act, w.happened AS why, w.next_step,
    {many} AS many, c.name AS what, c.id AS company_id
FROM company c LEFT JOIN word w ON w.topic = 'company' AND w.name = '{reason}'
WHERE {which}
"""  # noqa: S608 - our own names


def _counted(place: int, reason: str) -> str:
    few = f"(SELECT {_FEW[reason]} LIMIT 1001) few"
    return f"""
SELECT c.name, {place}, '{reason}', (SELECT min(few.at) FROM {few}),
    CASE WHEN 1 = 0 THEN c.created_at END, w.who_must_act, w.happened, w.next_step,
    (SELECT count(*) FROM {few}), c.name, c.id
FROM company c LEFT JOIN word w ON w.topic = 'company' AND w.name = '{reason}'
WHERE EXISTS (SELECT {_FEW[reason]})
"""  # noqa: S608 - our own names


_SINCE_MODE = "coalesce(c.mode_at, c.created_at)"
ATTENTIONS = "UNION ALL".join(
    (
        _of_company(1, "paused", _SINCE_MODE, "c.mode = 'paused'"),
        _of_company(
            2,
            "wrong_password",
            "c.wrong_password_at",
            _WRONG,
            seen="c.wrong_password_at",
        ),
        _of_company(
            3, "late", "c.late_at", "c.late_at IS NOT NULL AND c.mode <> 'paused'"
        ),
        _of_company(
            4,
            "waiting",
            "c.created_at",
            "c.last_seen_at IS NULL AND c.wrong_password_at IS NULL",
        ),
        _of_company(11, "preview", _SINCE_MODE, "c.mode = 'preview'"),
        f"""
SELECT c.name, CASE WHEN c.attention_id IN {_STOPPING} THEN 0 ELSE 5 END,
    c.attention_id, ({_RUNS.format(way="")}), ({_RUNS.format(way="DESC")}),
    CASE WHEN w.who_must_act = 'nobody' AND c.attention_id IN {_STOPPING}
        THEN 'support' ELSE w.who_must_act END,
    coalesce(c.attention, w.happened), w.next_step, CASE WHEN 1 = 0 THEN 1 END,
    c.name, c.id
FROM company c LEFT JOIN word w ON w.topic = 'attention' AND w.name = CASE
    WHEN EXISTS (
        SELECT 1 FROM word k WHERE k.topic = 'attention' AND k.name = c.attention_id
    ) THEN c.attention_id ELSE ''
END
WHERE c.attention_id IS NOT NULL
""",  # noqa: S608 - our own names
        """
SELECT c.name, 6, 'mosaic-key-missing', CASE WHEN 1 = 0 THEN c.created_at END,
    CASE WHEN 1 = 0 THEN c.created_at END, w.who_must_act, w.happened, w.next_step,
    CASE WHEN 1 = 0 THEN 1 END, c.name, c.id
FROM company c LEFT JOIN word w
    ON w.topic = 'attention' AND w.name = 'mosaic-key-missing'
WHERE c.mosaic_key IS NULL AND coalesce(c.attention_id, '') <> 'mosaic-key-missing'
""",
        *(_counted(place, name) for place, name in enumerate(_FEW, 7)),
    )
)
VIEWS = {"support_hours": HOURS, "support_attentions": ATTENTIONS}


def upgrade() -> None:
    _make_records(PLACE)
    for name, text in VIEWS.items():
        op.execute(f"CREATE VIEW {name} AS {text.strip()}")
        if op.get_context().dialect.name == "postgresql":
            op.execute(f"REVOKE ALL ON {name} FROM qbwc_app")
            op.execute(f"GRANT SELECT ON {name} TO qbwc_support")


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    _make_records("")


def _make_records(more: str) -> None:
    op.execute("DROP VIEW support_records")
    op.execute(f"CREATE VIEW support_records AS {RECORDS.format(more=more).strip()}")
    if op.get_context().dialect.name == "postgresql":
        op.execute("REVOKE ALL ON support_records FROM qbwc_app")
        op.execute("GRANT SELECT ON support_records TO qbwc_support")
