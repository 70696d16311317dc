"""Who paused a connection and why; and addresses to which a customer has alerts sent.

What a customer paused he has go on himself, so both are told apart wherever it is told
who must act. What was paused before counts as paused by support.

Revision ID: 0040
Revises: 0039
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from alembic.script import ScriptDirectory

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

COMPANY = "CAST(current_setting('qbwc.company') AS bigint)"
_THEIRS = "c.mode = 'paused' AND c.paused_by = 'customer'"
_SINCE = "coalesce(c.mode_at, c.created_at)"
# How many addresses get alerts, and how many do not yet: nobody sees which.
_COUNTED = "".join(
    f"""
    (SELECT count(*) FROM alert_address a
        WHERE a.company_id = c.id AND a.ended_at IS NULL
        AND a.confirmed_at IS {null}) AS {name},"""  # noqa: S608 - our own names
    for name, null in (("alerts_confirmed", "NOT NULL"), ("alerts_asked", "NULL"))
)


def upgrade() -> None:
    for name in ("paused_by", "paused_why"):
        op.add_column("company", sa.Column(name, sa.Text(), nullable=True))
    moment = sa.DateTime(timezone=True)
    op.add_column("duty", sa.Column("alert_at", moment, nullable=True))
    op.create_index("ix_duty_alert_at", "duty", ["alert_at"])
    op.create_table(
        "alert_address",
        sa.Column("company_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("asked_at", moment, nullable=False),
        sa.Column("confirmed_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("weekly_at", moment, nullable=True),
        sa.Column("told", sa.Text(), server_default="", nullable=False),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.Column("notice_id", sa.Text(), nullable=True),
        sa.Column("notice_at", moment, nullable=True),
        sa.Column("notice_left", sa.Text(), nullable=True),
        sa.Column("notice_tries", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_alert_address_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", "id", name=op.f("pk_alert_address")),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE alert_address ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY one_company ON alert_address USING (company_id = {COMPANY})"
        )
    _views(theirs=True)


def downgrade() -> None:
    _views(theirs=False)
    op.drop_table("alert_address")
    op.drop_index("ix_duty_alert_at", table_name="duty")
    op.drop_column("duty", "alert_at")
    for name in ("paused_why", "paused_by"):
        op.drop_column("company", name)


def _views(*, theirs: bool) -> None:
    """Make the views that say who must act, with a customer's pause or without it."""
    script = op.get_context().script
    if script is None:
        raise RuntimeError
    before = script.get_revision("0029").module
    attentions, companies, hours = texts(script, theirs=theirs)
    before._make("support_attentions", attentions)
    script.get_revision("0032").module._make(hours)
    if op.get_context().dialect.name == "postgresql":
        companies = script.get_revision("0037").module.companies(companies, before.FEW)
    before._make("support_companies", companies)
    ordering = script.get_revision("0035").module
    order = ordering.FIRST["support_companies"]
    ordering._again("support_companies", order, without=())  # noqa: SLF001 - a revision's


def texts(script: ScriptDirectory, *, theirs: bool) -> tuple[str, str, str]:
    """Return the views of attentions, companies and hours as SQL."""
    before = script.get_revision("0029").module
    guessed = script.get_revision("0038").module._GUESSED  # noqa: SLF001 - a revision's
    attentions = before.ATTENTIONS
    attentions += _reason(16, "guessed", "c.guessed_at", guessed)
    companies, hours = before.COMPANIES, script.get_revision("0032").module.HOURS
    if theirs:
        attentions = _once(
            attentions,
            "WHERE c.mode = 'paused'",
            f"WHERE c.mode = 'paused' AND NOT coalesce({_THEIRS}, FALSE)",
        )
        attentions += _reason(2, "paused_by_customer", _SINCE, _THEIRS)
        companies = _once(
            companies,
            "WHEN c.mode = 'paused' THEN",
            f"WHEN {_THEIRS} THEN 'paused_by_customer' WHEN c.mode = 'paused' THEN",
        )
        companies = _once(
            companies,
            "WHEN 'paused' THEN",
            f"WHEN 'paused_by_customer' THEN {_SINCE} WHEN 'paused' THEN",
        )
        companies = _once(
            companies, "\n    c.structure,", f"{_COUNTED}\n    c.structure,"
        )
        hours = hours.replace(
            "WHEN c.mode = 'paused' THEN",
            f"WHEN {_THEIRS} THEN 'paused_by_customer' WHEN c.mode = 'paused' THEN",
        )
    return attentions, companies, hours


def _once(text: str, old: str, new: str) -> str:
    """Put something in the one place where it belongs."""
    if text.count(old) != 1:
        raise RuntimeError
    return text.replace(old, new)


def _reason(place: int, name: str, since: str, which: str) -> str:
    seen = since if name == "guessed" else "CASE WHEN 1 = 0 THEN c.created_at END"
    return f"""
UNION ALL
SELECT c.name, {place}, '{name}', {since}, {seen}, w.who_must_act, w.happened,
    w.next_step, CASE WHEN 1 = 0 THEN 1 END, c.name, c.id
FROM company c LEFT JOIN word w ON w.topic = 'company' AND w.name = '{name}'
WHERE {which}
"""  # noqa: S608 - our own names
