"""What the doctor says of connections: whether all that runs fits, and is let through.

How many processes there are PostgreSQL tells: each names itself in its connections.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.operations.doctor_result import Finding, ok, warn
from qbwc_server.storage import connections, poolers, walls
from qbwc_server.storage.connections import OPERATOR, Limits
from qbwc_server.storage.database import operator_transaction

CHECK = "connections"


def look(engine: Engine) -> Iterator[Finding]:
    """Yield how connections are; nothing for SQLite, which has none."""
    if engine.dialect.name != "postgresql":
        return
    if poolers.stands_between(engine):
        yield ok("pooler", "One stands between us and PostgreSQL: nothing is prepared.")
    logins = walls.serving_logins(engine)
    with operator_transaction(engine) as connection:
        found = connection.execute(_LIMITS).one()
        names = connection.execute(_NAMES, {"logins": logins}).scalars().all()
        of_logins = connection.execute(_OF_LOGINS, {"logins": logins})
        limits = {row.rolname: row.rolconnlimit for row in of_logins}
    taken = connections.taken_by(names)
    for login in logins:
        own = limits[login] if limits[login] >= 0 else None
        allowed = Limits(found.most, found.reserved, found.readers, own)
        yield judged(login, allowed, taken)


def judged(login: str, allowed: Limits, taken: Sequence[int]) -> Finding:
    """Return whether what each process may take fits into what PostgreSQL allows."""
    wanted = sum(taken)
    said = f"{len(taken)} processes take {wanted} at most"
    if wanted > allowed.for_serving:
        enough = connections.least(wanted, allowed.reserved)
        return warn(
            CHECK,
            f"{said}, and PostgreSQL has {allowed.for_serving} for them.",
            f"Set max_connections to {enough} and run deploy/database.sh, or run fewer "
            "processes of `web` and `worker`.",
        )
    if allowed.serving is None or allowed.serving > allowed.for_serving:
        return warn(
            CHECK,
            f"{login} may take those that operators need when all others are taken.",
            f"ALTER ROLE {login} CONNECTION LIMIT {allowed.for_serving};",
        )
    if wanted > allowed.serving:
        return warn(
            CHECK,
            f"{said}, and {login} has {allowed.serving}.",
            f"ALTER ROLE {login} CONNECTION LIMIT {allowed.for_serving};",
        )
    return ok(CHECK, f"{said}, {allowed.serving} are theirs and {OPERATOR} operators'.")


_LIMITS = sa.text(
    "SELECT current_setting('max_connections')::int AS most,"
    " current_setting('superuser_reserved_connections')::int"
    " + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,"
    " (SELECT coalesce(sum(r.rolconnlimit), 0)::int FROM pg_roles r"
    "  WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolconnlimit > 0"
    "  AND EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles s ON s.oid = m.roleid"
    "   WHERE m.member = r.oid AND s.rolname = 'qbwc_support')) AS readers"
)
_OF_LOGINS = sa.text(
    "SELECT rolname, rolconnlimit FROM pg_roles WHERE rolname = ANY (:logins)"
)
_NAMES = sa.text(
    "SELECT DISTINCT application_name FROM pg_stat_activity"
    " WHERE usename = ANY (:logins) AND datname = current_database()"
)
