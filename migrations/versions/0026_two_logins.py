"""Server and worker log in as a role that owns nothing: companies stand behind the wall.

What is looked for across companies moves into tables that show numbers, moments and
keyed hashes: `caller`, `duty` and `team_file`. They may be read by whoever serves, and
are written for the company that a transaction is bound to. User names are hashed with
the server's key, so `database upgrade` notes them after this revision, as it does words.

The program before this one logs in as the owner, becomes `qbwc_app`, and looks for all
that in `company`: until a later revision takes that back, the rule of `company` lets it,
and what it writes there is passed on to the tables that have it now. It finds nothing
to do there any more, so no company has two workers.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

COMPANY = "CAST(current_setting('qbwc.company') AS bigint)"
DUE = ("deliver_at", "check_at", "notice_at", "preview_at", "housekeep_at")
LEASE = ("leased_until", "leased_by")
LOOKUPS = ("caller", "duty", "team_file")
TEAM = "lower({0}mosaic_url) || ' ' || {0}mosaic_team"
TAKES_PART = (
    "({0}mode = 'live' OR ({0}mode = 'paused' AND "
    "coalesce({0}mode_before_pause, '') = 'live'))"
)
FIGURES = """
SELECT 'mode' AS what, c.mode AS name, count(*) AS number
FROM company c
GROUP BY c.mode
UNION ALL
SELECT 'late', '', count(*)
FROM company c
WHERE c.late_at IS NOT NULL
UNION ALL
SELECT 'attention', c.attention_id, count(*)
FROM company c
WHERE c.attention_id IS NOT NULL
GROUP BY c.attention_id
"""

# Who is the owner is known when this is run; the owner himself is held by no rule.
WALLS = """
DO $$
DECLARE
    before text := 'CASE WHEN session_user = ' || quote_literal(session_user)
        || ' THEN true ELSE ';
    bound text := ' = CAST(current_setting(''qbwc.company'') AS bigint)';
BEGIN
    EXECUTE 'CREATE POLICY one_company ON company USING ('
        || before || 'id' || bound || ' END)';
    EXECUTE 'CREATE POLICY one_company ON company_sequence USING ('
        || before || 'company_id' || bound || ' END)';
    BEGIN
        EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || quote_ident(current_database())
            || ' FROM PUBLIC';
        EXECUTE 'REVOKE CREATE ON SCHEMA ' || quote_ident(current_schema())
            || ' FROM PUBLIC';
    EXCEPTION
        WHEN insufficient_privilege THEN NULL;
    END;
END $$
"""

PASS_ON = f"""
CREATE FUNCTION pass_on_of_the_program_before() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO duty (company_id, preview_at, housekeep_at)
            VALUES (NEW.id, NEW.preview_at, NEW.housekeep_at)
            ON CONFLICT DO NOTHING;
    ELSIF TG_WHEN = 'BEFORE' THEN
        UPDATE duty SET
            deliver_at = coalesce(NEW.deliver_at, deliver_at),
            check_at = coalesce(NEW.check_at, check_at),
            notice_at = coalesce(NEW.notice_at, notice_at),
            preview_at = coalesce(NEW.preview_at, preview_at),
            housekeep_at = coalesce(NEW.housekeep_at, housekeep_at),
            leased_until = CASE WHEN NEW.leased_until IS DISTINCT FROM OLD.leased_until
                THEN NEW.leased_until ELSE leased_until END,
            leased_by = CASE WHEN NEW.leased_by IS DISTINCT FROM OLD.leased_by
                THEN NEW.leased_by ELSE leased_by END
        WHERE company_id = NEW.id;
        NEW.deliver_at := NULL;
        NEW.check_at := NULL;
        NEW.notice_at := NULL;
        NEW.preview_at := NULL;
        NEW.housekeep_at := NULL;
        RETURN NEW;
    END IF;
    INSERT INTO team_file (company_id, team, takes_part, time_claims)
        VALUES (NEW.id, {TEAM.format("NEW.")}, {TAKES_PART.format("NEW.")},
            NEW.time_claims)
        ON CONFLICT (company_id) DO UPDATE
            SET team = excluded.team, takes_part = excluded.takes_part;
    INSERT INTO caller (company_id, kind, hash)
        VALUES (NEW.id, 'setup', NEW.setup_token_hash),
            (NEW.id, 'webhook', NEW.webhook_token_hash)
        ON CONFLICT (company_id, kind) DO UPDATE SET hash = excluded.hash;
    RETURN NEW;
END $$
"""  # noqa: S608 - our own names
TRIGGERS = (
    f"""
CREATE TRIGGER pass_on_duties BEFORE UPDATE OF {", ".join((*DUE, *LEASE))}
ON company FOR EACH ROW EXECUTE FUNCTION pass_on_of_the_program_before()
""",
    """
CREATE TRIGGER pass_on_lookups AFTER UPDATE OF mode, mode_before_pause, mosaic_url,
    mosaic_team, setup_token_hash, webhook_token_hash
ON company FOR EACH ROW EXECUTE FUNCTION pass_on_of_the_program_before()
""",
    """
CREATE TRIGGER pass_on_new AFTER INSERT ON company FOR EACH ROW
WHEN (NEW.housekeep_at IS NOT NULL)
EXECUTE FUNCTION pass_on_of_the_program_before()
""",
)
IN_THIS_SCHEMA = """
DO $$
BEGIN
    EXECUTE 'ALTER FUNCTION pass_on_of_the_program_before() SET search_path = '
        || quote_ident(current_schema()) || ', pg_temp';
END $$
"""


def upgrade() -> None:
    _make_tables()
    op.execute(
        "INSERT INTO caller (company_id, kind, hash) "
        "SELECT id, 'setup', setup_token_hash FROM company UNION ALL "
        "SELECT id, 'webhook', webhook_token_hash FROM company"
    )
    columns = ", ".join((*DUE, *LEASE))
    op.execute(
        f"INSERT INTO duty (company_id, {columns}) SELECT id, {columns} FROM company"  # noqa: S608 - our own names
    )
    op.execute(
        "INSERT INTO team_file (company_id, team, takes_part, time_claims) "  # noqa: S608 - our own names
        f"SELECT id, {TEAM.format('')}, {TAKES_PART.format('')}, time_claims "
        "FROM company"
    )
    op.execute("UPDATE company SET " + ", ".join(f"{one} = NULL" for one in DUE))  # noqa: S608 - our own names
    op.execute(f"CREATE VIEW figures_of_companies AS {FIGURES.strip()}")
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("REVOKE ALL ON figures_of_companies FROM qbwc_app")
    op.execute("GRANT SELECT ON figures_of_companies TO qbwc_app")
    for table in LOOKUPS:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY all_read ON {table} FOR SELECT USING (true)")
        op.execute(f"CREATE POLICY own ON {table} USING (company_id = {COMPANY})")
    for table in ("company", "company_sequence"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(WALLS)
    op.execute(PASS_ON)
    op.execute(IN_THIS_SCHEMA)
    op.execute("REVOKE ALL ON FUNCTION pass_on_of_the_program_before() FROM PUBLIC")
    for trigger in TRIGGERS:
        op.execute(trigger.strip())


def _make_tables() -> None:
    def number() -> sa.Column[int]:
        return sa.Column(
            "company_id", sa.BigInteger(), autoincrement=False, nullable=False
        )

    op.create_table(
        "caller",
        number(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('user', 'setup', 'webhook')", name=op.f("ck_caller_kind")
        ),
        sa.PrimaryKeyConstraint("company_id", "kind", name=op.f("pk_caller")),
        sa.UniqueConstraint("kind", "hash", name=op.f("uq_caller_kind_hash")),
    )
    op.create_table(
        "duty",
        number(),
        sa.Column("deliver_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.Text(), nullable=True),
        *(
            sa.Column(name, sa.DateTime(timezone=True), nullable=True)
            for name in DUE[1:]
        ),
        sa.ForeignKeyConstraint(
            ["company_id"],
            ["company.id"],
            name=op.f("fk_duty_company_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_duty")),
    )
    for name in DUE:
        op.create_index(f"ix_duty_{name}", "duty", [name])
    op.create_table(
        "team_file",
        number(),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column(
            "takes_part", sa.Boolean(), server_default=sa.false(), nullable=False
        ),
        sa.Column("time_claims", sa.Text(), server_default="none", nullable=False),
        sa.PrimaryKeyConstraint("company_id", name=op.f("pk_team_file")),
    )
    op.create_index("ix_team_file_team", "team_file", ["team"])


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        for name in ("pass_on_new", "pass_on_lookups", "pass_on_duties"):
            op.execute(f"DROP TRIGGER {name} ON company")
        op.execute("DROP FUNCTION pass_on_of_the_program_before()")
        for table in ("company", "company_sequence"):
            op.execute(f"DROP POLICY one_company ON {table}")
            op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    back = [
        *((name, "duty", name) for name in (*DUE, *LEASE)),
        ("time_claims", "team_file", "time_claims"),
    ]
    for to, table, name in back:
        there = f"(SELECT t.{name} FROM {table} t WHERE t.company_id = company.id)"  # noqa: S608 - our own names
        op.execute(f"UPDATE company SET {to} = {there}")  # noqa: S608 - our own names
    op.execute("DROP VIEW figures_of_companies")
    for table in reversed(LOOKUPS):
        op.drop_table(table)
