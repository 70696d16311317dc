"""PostgreSQL shows a transaction the rows of one company; repeated audit rows.

The server works as the role `qbwc_app`, to which row-level security applies: not to the
owner of the tables, who migrates them. The role belongs to the whole PostgreSQL server,
so it is made only where it is missing, and stays when this revision is taken back.

A later revision that makes a table of a company's data enables row-level security and
makes the policy for it; a test reads the catalogue for tables without.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    *("session", "exchange", "job", "job_event", "record", "record_event", "reading"),
    *("mosaic_object", "mosaic_call", "mosaic_callback", "audit"),
)

HASHES = (
    *("password_hash", "former_password_hash", "setup_token_hash"),
    "webhook_token_hash",
)

# Others may migrate another database of the same server at this moment.
ROLE = """
DO $$
DECLARE
    needed text := 'This login may not make the role that the server works as. Have an '
        || 'administrator run: CREATE ROLE qbwc_app NOLOGIN; GRANT qbwc_app TO '
        || quote_ident(current_user) || ';';
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'qbwc_app') THEN
        BEGIN
            CREATE ROLE qbwc_app NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;
            WHEN insufficient_privilege THEN
                RAISE insufficient_privilege USING MESSAGE = needed;
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'qbwc_app',
        CASE WHEN current_setting('server_version_num')::int < 160000
        THEN 'MEMBER' ELSE 'SET' END)
    THEN
        BEGIN
            EXECUTE 'GRANT qbwc_app TO ' || quote_ident(current_user);
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE insufficient_privilege USING MESSAGE = needed;
        END;
    END IF;
END $$
"""

GRANTS = """
DO $$
DECLARE
    here text := quote_ident(current_schema());
    later text := 'ALTER DEFAULT PRIVILEGES IN SCHEMA ' || here || ' GRANT ';
BEGIN
    EXECUTE 'GRANT USAGE ON SCHEMA ' || here || ' TO qbwc_app';
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ' || here
        || ' TO qbwc_app';
    EXECUTE 'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ' || here || ' TO qbwc_app';
    EXECUTE later || 'SELECT, INSERT, UPDATE, DELETE ON TABLES TO qbwc_app';
    EXECUTE later || 'USAGE, SELECT ON SEQUENCES TO qbwc_app';
    EXECUTE 'REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM qbwc_app';
END $$
"""

REVOKES = """
DO $$
DECLARE
    here text := quote_ident(current_schema());
    later text := 'ALTER DEFAULT PRIVILEGES IN SCHEMA ' || here || ' REVOKE ALL ON ';
BEGIN
    EXECUTE later || 'TABLES FROM qbwc_app';
    EXECUTE later || 'SEQUENCES FROM qbwc_app';
    EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA ' || here || ' FROM qbwc_app';
    EXECUTE 'REVOKE ALL ON ALL SEQUENCES IN SCHEMA ' || here || ' FROM qbwc_app';
    EXECUTE 'REVOKE ALL ON SCHEMA ' || here || ' FROM qbwc_app';
END $$
"""


def upgrade() -> None:
    op.add_column("audit", sa.Column("dedupe_key", sa.Text(), nullable=True))
    op.add_column(
        "audit", sa.Column("times", sa.Integer(), server_default="1", nullable=False)
    )
    op.add_column(
        "audit", sa.Column("last_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "uq_audit_dedupe_key",
        "audit",
        ["company_id", "dedupe_key"],
        unique=True,
        sqlite_where=sa.text("dedupe_key IS NOT NULL"),
        postgresql_where=sa.text("dedupe_key IS NOT NULL"),
    )
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute(ROLE)
    op.execute(GRANTS)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        # Without a company bound the setting is missing or empty, which is an error:
        # a company's data that seems to be none would be worse.
        op.execute(
            f"CREATE POLICY one_company ON {table} "
            "USING (company_id = CAST(current_setting('qbwc.company') AS bigint))"
        )


def downgrade() -> None:
    # The program before did not know names of keys in front of hashes.
    company = sa.table("company", *map(sa.column, HASHES))
    for column in company.c:
        op.execute(
            company.update()
            .where(sa.func.substr(column, 9, 1) == ":")
            .values({column: sa.func.substr(column, 10)})
        )
    if op.get_context().dialect.name == "postgresql":
        for table in TABLES:
            op.execute(f"DROP POLICY one_company ON {table}")
            op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(REVOKES)
    op.drop_index("uq_audit_dedupe_key", table_name="audit")
    op.drop_column("audit", "last_at")
    op.drop_column("audit", "times")
    op.drop_column("audit", "dedupe_key")
