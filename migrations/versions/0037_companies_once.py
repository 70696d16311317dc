"""What hinders a company is looked up once, whatever the list of companies shows of it.

Each company's failed work, unread answers and records in need were looked up up to
three times, also where there are none: to say what goes first, since when, and how
many. Now one look at an index says which companies have any, and theirs are counted
once, as far as before. What the view says is the same; SQLite, which has no LATERAL and
few companies, keeps what it has.

Revision ID: 0037
Revises: 0036
"""

from __future__ import annotations

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_FREE = "count(*) FILTER (WHERE few.waits_for IS NULL) AS free"
_NONE_WAITS = "0 AS free"
_RECORDS = "k.changed_at AS at, k.waits_for FROM record k WHERE"
_FAULT = """(k.state = 'refused' AND (k.unread IS NOT NULL
        OR k.failures >= 5 AND k.restored IS NULL))"""
_LISTS = "k.state = 'unlinked' AND k.waits_for IS NULL AND k.kind <> 'time_entry'"
# Which companies have any is read once, from an index alone; only theirs are counted.
_HAVE = {
    "failing": "job k WHERE k.state = 'failed'",
    "unreading": "exchange k WHERE k.failed_at IS NOT NULL",
    "refusing": "record k WHERE k.state = 'refused'",
    "disputing": "record k WHERE k.state = 'conflict'",
    "unlinking": f"record k WHERE {_LISTS}",
}


def _facts() -> dict[str, tuple[str, str, str]]:
    """Return what is counted of a company, by name.

    Of those that have any, what is told besides how many and since when, and which.
    """
    failed = "k.created_at AS at FROM job k WHERE k.state = 'failed'"
    unused = "k.failed_at AS at FROM exchange k WHERE k.failed_at IS NOT NULL"
    return {
        "failed": ("failing", _NONE_WAITS, failed),
        "unused": ("unreading", _NONE_WAITS, unused),
        "faults": ("refusing", _FREE, f"{_RECORDS} {_FAULT}"),
        "refused": (
            "refusing",
            _FREE,
            f"{_RECORDS} k.state = 'refused' AND NOT {_FAULT}",
        ),
        "conflict": ("disputing", _FREE, f"{_RECORDS} k.state = 'conflict'"),
        "lists": ("unlinking", _FREE, f"{_RECORDS} {_LISTS}"),
    }


def companies(text: str, counted_before: dict[str, str]) -> str:
    """Return the view as SQL, made of what it was and what was counted in it."""
    joined = "".join(
        f"""
LEFT JOIN (SELECT DISTINCT k.company_id FROM {which}) {name}
    ON {name}.company_id = c.id"""  # noqa: S608 - our own names
        for name, which in _HAVE.items()
    )
    joined += "".join(
        f"""
CROSS JOIN LATERAL (
    SELECT count(*) AS many, min(few.at) AS since, {told}
    FROM (SELECT {which} AND k.company_id = {have}.company_id LIMIT 1001) few
) {name}"""  # noqa: S608 - our own names
        for name, (have, told, which) in _facts().items()
    )
    tail = text.rindex("LEFT JOIN word w")
    text = f"{text[:tail].rstrip()}{joined}\n{text[tail:]}"
    records = "conflict.many + refused.many + lists.many"
    free = "conflict.free + refused.free + faults.free + lists.free"
    for name, few in counted_before.items():
        many, since = f"{name}.many", f"{name}.since"
        if name == "records":
            many = f"({records})"
            since = "least(conflict.since, refused.since, lists.since)"
        counted = f"FROM (SELECT {few} LIMIT 1001) few)"
        text = text.replace(f"EXISTS (SELECT {few})", f"{many} > 0")
        text = text.replace(f"(SELECT min(few.at) {counted}", since)
        text = text.replace(f"(SELECT count(*) {counted}", many)
    for name, number in (
        ("records_for_customer", f"least({free}, 1001)"),
        ("conflicts", "conflict.many"),
        ("failed_jobs", "failed.many"),
    ):
        end = text.index(f" AS {name},")
        begin = text.rindex("(SELECT count(*) FROM (", 0, end)
        text = f"{text[:begin]}{number}{text[end:]}"
    return text


def upgrade() -> None:
    _make(once=True)


def downgrade() -> None:
    _make(once=False)


def _make(*, once: bool) -> None:
    """Make the view, with what a person looks for first."""
    script = op.get_context().script
    if script is None:
        raise RuntimeError
    if op.get_context().dialect.name != "postgresql":
        return
    before = script.get_revision("0029").module
    text = companies(before.COMPANIES, before.FEW) if once else before.COMPANIES
    op.execute("DROP VIEW support_companies")
    op.execute(f"CREATE VIEW support_companies AS {text.strip()}")
    op.execute("REVOKE ALL ON support_companies FROM qbwc_app")
    op.execute("GRANT SELECT ON support_companies TO qbwc_support")
    ordering = script.get_revision("0035").module
    order = ordering.FIRST["support_companies"]
    ordering._again("support_companies", order, without=())  # noqa: SLF001 - a revision's
