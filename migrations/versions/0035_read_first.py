"""Views begin with the company and what is meant of it; the audit says on what.

What a person looks for stands first, in the order in which he reads. Each view is made
anew around what it is now, whichever revision made it. What was decided about a job, a
record or a message is found by what commands call it: `refs` has all that a decision
names, `about` says what they are.

Revision ID: 0035
Revises: 0034
"""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_TOLD = ("what", "state", "why", "who_must_act", "next_step", "since")
FIRST = {
    "support_companies": ("company", *_TOLD),
    "support_outages": ("company", "part", "what", "why", "since", "until"),
    "support_sessions": ("company", "session", *_TOLD),
    "support_jobs": ("company", "job", *_TOLD),
    "support_records": ("company", "record", *_TOLD),
    "support_exchanges": ("company", "exchange", *_TOLD),
    "support_calls": ("company", "call", *_TOLD),
    "support_history": ("company", "record", "about", "at", "what", "who", "detail"),
    "support_steps": ("company", "job", "about", "at", "what", "who", "why"),
    "support_audit": ("company", "at", "what", "about", "refs", "who", "why", "detail"),
    "support_words": ("topic", "name", "what", "who_must_act", "next_step"),
}
# A decision names one job, record or message, or a list of records, by their numbers.
_ONE = "coalesce({of} ->> 'job', {of} ->> 'record', {of} ->> 'exchange')"
_MANY = (
    "NULLIF(replace(replace(replace(CAST({of} -> 'records' AS text), '[', ''), "
    "']', ''), ' ', ''), '')"
)
_OBJECT = {
    "postgresql": "jsonb_typeof(seen.detail) = 'object'",
    "sqlite": "json_type(seen.detail) = 'object'",
}
_REFS = """CASE WHEN {object} THEN seen.company_id || '-' ||
        replace(coalesce({one}, {many}), ',', ', ' || seen.company_id || '-') END"""
_ABOUT = """CASE WHEN {object} AND {one} IS NOT NULL THEN coalesce(
        seen.detail ->> 'summary',
        (SELECT replace(r.kind, '_', ' ') || ' ' || r.name FROM record r
            WHERE r.company_id = seen.company_id
            AND r.id = CAST(seen.detail ->> 'record' AS bigint)),
        CASE WHEN seen.detail ->> 'exchange' IS NOT NULL THEN 'message' END
    ) WHEN {object} AND {many} IS NOT NULL THEN 'records' END"""


def _added(dialect: str) -> dict[str, str]:
    """Return the columns that the audit has besides, as SQL over what it was."""
    parts = {
        "object": _OBJECT[dialect],
        "one": _ONE.format(of="seen.detail"),
        "many": _MANY.format(of="seen.detail"),
    }
    return {"about": _ABOUT.format(**parts), "refs": _REFS.format(**parts)}


def upgrade() -> None:
    for name, first in FIRST.items():
        _again(name, first, without=())


def downgrade() -> None:
    # The order of columns takes nothing from anybody.
    _again("support_audit", (), without=("about", "refs"))


def _again(name: str, first: tuple[str, ...], without: tuple[str, ...]) -> None:
    """Make a view anew around itself, with some columns first, or without some."""
    dialect = op.get_context().dialect.name
    added = _added(dialect) if name == "support_audit" and not without else {}
    if dialect == "postgresql":
        op.execute(_of_postgresql(name, first, without, added))
    elif not op.get_context().as_sql:
        _of_sqlite(name, first, without, added)


def _of_postgresql(
    name: str, first: tuple[str, ...], without: tuple[str, ...], added: dict[str, str]
) -> str:
    """Return the statements; they read what the view is when they are run."""

    def array(names: tuple[str, ...]) -> str:
        return "ARRAY[" + ", ".join(f"'{one}'" for one in names) + "]::text[]"

    more = "".join(
        f"\n        UNION ALL SELECT $sql$({text})$sql$, '{column}', 1000"
        for column, text in added.items()
    )
    return f"""
DO $do$
DECLARE
    old text := rtrim(pg_get_viewdef('{name}'::regclass), '; ');
    columns text;
BEGIN
    SELECT string_agg(text || ' AS ' || quote_ident(name), ', '
        ORDER BY coalesce(array_position({array(first)}, name), 100 + place))
    INTO columns FROM (
        SELECT 'seen.' || quote_ident(attname) AS text, CAST(attname AS text) AS name,
            attnum AS place FROM pg_attribute
        WHERE attrelid = '{name}'::regclass AND attnum > 0
        AND NOT attname = ANY ({array(without)}){more}
    ) one;
    DROP VIEW {name};
    EXECUTE 'CREATE VIEW {name} AS SELECT ' || columns || ' FROM (' || old || ') AS seen';
    REVOKE ALL ON {name} FROM qbwc_app;
    GRANT SELECT ON {name} TO qbwc_support;
END $do$
"""  # noqa: S608 - our own names


def _of_sqlite(
    name: str, first: tuple[str, ...], without: tuple[str, ...], added: dict[str, str]
) -> None:
    bind = op.get_bind()
    made = bind.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = ?", (name,)
    ).scalar_one()
    old = made.partition(" AS ")[2]
    there = [
        row.name
        for row in bind.exec_driver_sql(f"PRAGMA table_info({name})")
        if row.name not in without
    ]
    texts = {one: f'seen."{one}"' for one in there} | added
    order = [*(one for one in first if one in texts)]
    order += [one for one in texts if one not in order]
    columns = ", ".join(f'{texts[one]} AS "{one}"' for one in order)
    bind.exec_driver_sql(f"DROP VIEW {name}")
    again = f"SELECT {columns} FROM ({old}) AS seen"  # noqa: S608 - our own names
    bind.exec_driver_sql(f"CREATE VIEW {name} AS {again}")
