"""What logins of support might do beside reading, on PostgreSQL, and who takes it away.

The role reads views and has no other right. But PostgreSQL gives everybody a few: to
make temporary tables and large objects (which fill a disk), to take advisory locks (by
which our programs take turns), to enter the server's other databases. The owner of a
database may take back the first; the others need a superuser: `deploy/database.sh`.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

ROLE = "qbwc_support"
READS_ONLY = (
    "(SELECT bool_or(s.rolname = 'qbwc_support')"
    " AND NOT bool_or(s.rolname = 'qbwc_app' OR s.oid = v.relowner)"
    " FROM pg_roles s, pg_class v WHERE v.oid = to_regclass('alembic_version')"
    " AND pg_has_role({0}, s.oid, 'MEMBER'))"
)
"""Whether a login is of support and nothing else, as SQL; {0} is its number."""
NOT_FOR_ALL = (
    "p.pronamespace = 'pg_catalog'::regnamespace AND (p.proname ~ '^pg_(try_)?advisory'"
    " OR p.proname IN ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_put', 'lowrite',"
    " 'lo_import', 'lo_export', 'lo_truncate', 'lo_truncate64', 'lo_unlink'))"
)
"""The functions of `pg_proc p` by which anybody can stop or fill a database."""


class Unneeded(NamedTuple):
    """A right that support should not have: what it is, and how it is taken away."""

    what: str
    do: str


def take_temporary_tables(connection: Connection) -> None:
    """Take the right to make temporary tables from everybody, where we may."""
    if connection.execute(_TEMPORARY).scalar():
        connection.exec_driver_sql(
            f"REVOKE TEMPORARY ON DATABASE {_quoted(connection)} FROM PUBLIC"
        )


def unneeded(connection: Connection) -> list[Unneeded]:
    """Return what logins of support may do although they need not; none: all is well.

    Empty also where the role is missing, as in a database that no support reads.
    """
    if not connection.execute(_ROLE_IS_THERE).scalar():
        return []
    found: list[Unneeded] = []
    database = _quoted(connection)
    if connection.execute(_MAKES_TEMPORARY).scalar():
        do = f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;"
        found.append(
            Unneeded("Support may make temporary tables, which fill a disk.", do)
        )
    if connection.execute(_CALLS).scalar():
        what = "Support may make large objects and take advisory locks."
        found.append(Unneeded(what, "As a superuser: deploy/database.sh"))
    entered = list(connection.execute(_ENTERS).scalars())
    if entered:
        do = " ".join(
            f"REVOKE CONNECT ON DATABASE {one} FROM PUBLIC;" for one in entered
        )
        said = f"Support may enter other databases here: {', '.join(entered)}."
        found.append(Unneeded(said, f"As a superuser: {do}"))
    kept = connection.execute(_NOT_ENDED).all()
    if kept:
        names = ", ".join(row.login for row in kept)
        do = " ".join(f"GRANT {row.login} TO {row.owner};" for row in kept)
        said = f"A migration cannot end the sessions of {names}."
        found.append(Unneeded(said, do))
    many = list(connection.execute(_UNBOUNDED).scalars())
    if many:
        do = " ".join(f"ALTER ROLE {one} CONNECTION LIMIT 3;" for one in many)
        said = f"{', '.join(many)} may open all of this server's connections."
        found.append(Unneeded(said, do))
    return found


def _quoted(connection: Connection) -> str:
    query = sa.text("SELECT quote_ident(current_database())")
    return str(connection.execute(query).scalar_one())


_ROLE_IS_THERE = sa.text(
    f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'"  # noqa: S608 - our own word
)
_TEMPORARY = sa.text(
    "SELECT 1 FROM pg_database d WHERE d.datname = current_database()"
    " AND pg_has_role(d.datdba, 'USAGE') AND EXISTS (SELECT 1 FROM"
    " aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a"
    " WHERE a.grantee = 0 AND a.privilege_type = 'TEMPORARY')"
)
_MAKES_TEMPORARY = sa.text(
    f"SELECT has_database_privilege('{ROLE}', current_database(), 'TEMPORARY')"
)
_CALLS = sa.text(
    f"SELECT 1 FROM pg_proc p WHERE {NOT_FOR_ALL}"  # noqa: S608 - our own words
    f" AND has_function_privilege('{ROLE}', p.oid, 'EXECUTE') LIMIT 1"
)
_ENTERS = sa.text(
    "SELECT quote_ident(datname) FROM pg_database WHERE datallowconn"  # noqa: S608 - our own words
    " AND datname <> current_database()"
    f" AND has_database_privilege('{ROLE}', datname, 'CONNECT') ORDER BY 1"
)
_LOGINS = (
    "FROM pg_roles r WHERE r.rolcanlogin AND NOT r.rolsuper AND "
    + READS_ONLY.format("r.oid")
)
_NOT_ENDED = sa.text(
    "SELECT quote_ident(r.rolname) AS login, quote_ident(o.rolname) AS owner"  # noqa: S608 - our own words
    " FROM (SELECT r.* " + _LOGINS + ") r, pg_class c"
    " JOIN pg_roles o ON o.oid = c.relowner"
    " WHERE c.oid = to_regclass('alembic_version')"
    " AND NOT pg_has_role(o.oid, r.oid, 'USAGE')"
    " AND NOT pg_has_role(o.oid, 'pg_signal_backend', 'USAGE') ORDER BY 1"
)
_UNBOUNDED = sa.text(
    "SELECT quote_ident(r.rolname) " + _LOGINS + " AND r.rolconnlimit < 0 ORDER BY 1"
)
