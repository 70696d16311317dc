"""The hours of both sides in one look: each entry is looked up once, whatever it shows.

An entry that the sides have at two places was looked up a second time, its person one by
one, and its reason said as often as it was shown. What the view says is the same.

Revision ID: 0032
Revises: 0031
"""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

OWN = ", ".join(
    f"r.{name}"
    for name in (
        *("company_id", "id", "name", "state", "reason", "changed_at", "day"),
        *("quickbooks_id", "mosaic_id", "unread", "restored"),
    )
)
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
    {OWN},
    c.name AS company,
    c.attention_id,
    a.who_must_act AS attention_who,
    a.next_step AS attention_step,
    CASE WHEN {_HAS_QUICKBOOKS} THEN 1 ELSE 0 END AS has_quickbooks,
    CASE WHEN {_HAS_MOSAIC} THEN 1 ELSE 0 END AS has_mosaic,
    CASE WHEN {_HAS_QUICKBOOKS} AND {_HAS_MOSAIC}
        AND r.mosaic ->> 'date' = r.day AND coalesce(pe.id, po.id, pv.id) = pm.id
        AND {_SAME_JOB} THEN 1 ELSE 0
    END AS one_place,
    CASE WHEN {_HAS_QUICKBOOKS} THEN CAST(r.quickbooks ->> 'minutes' AS integer)
        WHEN r.unread IS NULL THEN 0
    END AS of_quickbooks,
    CAST(r.mosaic ->> 'minutes' AS integer) AS of_mosaic,
    r.mosaic ->> 'date' AS day_in_mosaic,
    coalesce(pe.name, po.name, pv.name, r.quickbooks ->> 'person') AS person_in_quickbooks,
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
FROM company c
LEFT JOIN word a ON a.topic = 'attention' AND a.name = CASE
    WHEN EXISTS (
        SELECT 1 FROM word k WHERE k.topic = 'attention' AND k.name = c.attention_id
    ) THEN c.attention_id
    WHEN c.attention_id IS NOT NULL THEN ''
END
JOIN record r ON r.company_id = c.id
LEFT JOIN record pe ON pe.company_id = r.company_id AND pe.kind = 'employee'
    AND pe.quickbooks_id = r.quickbooks ->> 'person'
LEFT JOIN record po ON po.company_id = r.company_id AND po.kind = 'other_name'
    AND po.quickbooks_id = r.quickbooks ->> 'person'
LEFT JOIN record pv ON pv.company_id = r.company_id AND pv.kind = 'vendor'
    AND pv.quickbooks_id = r.quickbooks ->> 'person'
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
    AND mp.mosaic_id = CASE WHEN pm.id IS NULL
        THEN CAST(r.mosaic ->> 'person' AS bigint) END
LEFT JOIN mosaic_object mj ON mj.company_id = r.company_id
    AND mj.data_type = 'project'
    AND mj.mosaic_id = CASE WHEN jp.id IS NULL
        THEN CAST(r.mosaic -> 'job' ->> 0 AS bigint) END
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
    h.name AS reason,
    CASE WHEN h.name = 'same' THEN h.happened
        ELSE coalesce(e.reason, h.happened) END AS why,
    CASE WHEN h.name <> 'stopped' THEN h.who_must_act
        WHEN e.attention_who = 'nobody' THEN 'support'
        ELSE e.attention_who END AS who_must_act,
    CASE WHEN h.name = 'stopped' AND e.attention_who <> 'nobody'
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
{sides}LEFT JOIN word h ON h.topic = 'hours' AND h.name = {reason}
WHERE {which}
"""
_MOVED = "e.day_in_mosaic <> e.day AND e.state NOT IN ('in_sync', 'gone')"
# Side 1 is as QuickBooks has it, with Mosaic's hours where both have it at one place;
# and what neither is known to have, but somebody worked. Side 2 is what Mosaic has at
# another place, or alone. Whether it is one place is asked once, by the join.
_ON_ITS_DAY = {
    "entries": _ENTRIES.strip(),
    "sides": "JOIN (SELECT 1 AS side, 1 AS one_place UNION ALL SELECT 1, 0 "
    "UNION ALL SELECT 2, 0) s ON s.one_place = e.one_place\n",
    "person": "CASE s.side WHEN 1 THEN e.person_in_quickbooks "
    "ELSE e.person_in_mosaic END",
    "day": "e.day",
    "job": "CASE s.side WHEN 1 THEN e.job_in_quickbooks ELSE e.job_in_mosaic END",
    "quickbooks": "CASE s.side WHEN 1 THEN e.of_quickbooks ELSE 0 END",
    "mosaic": "CASE WHEN s.side = 2 OR s.one_place = 1 THEN e.of_mosaic ELSE 0 END",
    "reason": "CASE WHEN s.one_place = 1 "
    "AND e.of_quickbooks = e.of_mosaic AND e.differs_by <> 'unread' THEN 'same' "
    "ELSE e.differs_by END",
    "which": "s.side = 1 AND (e.has_quickbooks = 1 OR e.has_mosaic = 0 "
    "AND e.state <> 'gone' AND (e.unread IS NOT NULL "
    "OR e.restored IN ('missing', 'add'))) "
    f"OR s.side = 2 AND e.has_mosaic = 1 AND NOT ({_MOVED})",
}
# On another day: what is in sync, which most is, need not be looked through.
_ON_ANOTHER = {
    "entries": _ENTRIES.strip(),
    "sides": "",
    "person": "e.person_in_mosaic",
    "day": "e.day_in_mosaic",
    "job": "e.job_in_mosaic",
    "quickbooks": "0",
    "mosaic": "e.of_mosaic",
    "reason": "e.differs_by",
    "which": f"e.has_mosaic = 1 AND e.one_place = 0 AND {_MOVED}",
}
HOURS = "UNION ALL".join(_ROW.format(**one) for one in (_ON_ITS_DAY, _ON_ANOTHER))


def upgrade() -> None:
    _make(HOURS)


def downgrade() -> None:
    script = op.get_context().script
    if script is None:
        raise RuntimeError
    # Not all columns, which would hold those that the revisions before this one made.
    _make(script.get_revision("0027").module.HOURS.replace("r.*", OWN))


def _make(text: str) -> None:
    op.execute("DROP VIEW support_hours")
    op.execute(f"CREATE VIEW support_hours AS {text.strip()}")
    if op.get_context().dialect.name == "postgresql":
        op.execute("REVOKE ALL ON support_hours FROM qbwc_app")
        op.execute("GRANT SELECT ON support_hours TO qbwc_support")
