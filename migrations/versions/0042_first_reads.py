"""While both sides are read for the first time, a preview asks nobody for anything.

A connection in preview was said to wait for its customer from its first moment on; what
he is to look at is there once both sides were read. Until then it is nobody's.

Revision ID: 0042
Revises: 0041
"""

from __future__ import annotations

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def _unread(kind: str) -> str:
    return f"""NOT EXISTS (SELECT 1 FROM reading g WHERE g.company_id = c.id
            AND g.kind = '{kind}'
            AND (g.last_full_at IS NOT NULL OR g.problem IS NOT NULL))"""  # noqa: S608 - our own names


_READING = f"""(c.file_name IS NULL OR c.mosaic_read_at IS NULL
        OR {_unread("employee")}
        OR {_unread("customer")}
        OR {_unread("service_item")}
        OR c.contractors AND ({_unread("vendor")}
            OR {_unread("other_name")})
        OR coalesce(c.time_tracking, TRUE) AND (c.mosaic_time_from IS NULL
            OR {_unread("time_entry")}))"""
_SINCE = "coalesce(c.mode_at, c.created_at)"
_FIRST = f"WHEN c.mode = 'preview' AND {_READING} THEN 'first_reads'\n        "
_ATTENTION = f"""
UNION ALL
SELECT c.name, 14, 'first_reads', {_SINCE}, CASE WHEN 1 = 0 THEN c.created_at END,
    w.who_must_act, w.happened, w.next_step, CASE WHEN 1 = 0 THEN 1 END, c.name, c.id
FROM company c LEFT JOIN word w ON w.topic = 'company' AND w.name = 'first_reads'
WHERE c.mode = 'preview' AND {_READING}
"""  # noqa: S608 - our own names


def upgrade() -> None:
    _make(first=True)


def downgrade() -> None:
    _make(first=False)


def _make(*, first: bool) -> None:
    """Make the views that say what a preview waits for, with its first reads or not."""
    script = op.get_context().script
    if script is None:
        raise RuntimeError
    needs = script.get_revision("0041").module
    made = needs.texts(script, op.get_context().dialect.name, same=True)
    *_, hours = script.get_revision("0040").module.texts(script, theirs=True)
    if first:
        for name, text in made.items():
            told = text.replace(
                "WHEN c.mode = 'preview' THEN", f"{_FIRST}WHEN c.mode = 'preview' THEN"
            )
            made[name] = told.replace(
                "WHEN 'preview' THEN",
                f"WHEN 'first_reads' THEN {_SINCE} WHEN 'preview' THEN",
            )
        made["support_attentions"] = (
            made["support_attentions"].replace(
                "WHERE c.mode = 'preview'",
                f"WHERE c.mode = 'preview' AND NOT {_READING}",
            )
            + _ATTENTION
        )
        hours = hours.replace(
            "WHEN c.mode <> 'live' THEN", f"{_FIRST}WHEN c.mode <> 'live' THEN"
        )
    script.get_revision("0032").module._make(hours)
    needs.make(script, made)
