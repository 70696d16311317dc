"""Reading for support: the views, of all companies, with a login that may.

A server's login is held to one company, and one that could also read the views would
be held to none. So the console has a login of its own, and operators have the owner's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.errors import QbwcError
from qbwc_server.storage.walls import READ_ONLY, say

_SUPPORT = "qbwc_support"
"""The role of logins that read the views for support; the eighth makes it."""
_MAY_READ = sa.select(
    sa.func.has_table_privilege("support_companies", "SELECT"),
    sa.func.has_table_privilege("record", "SELECT"),
)
_READER = (
    "An administrator runs: CREATE ROLE qbwc_reader LOGIN PASSWORD '...' IN ROLE "
    f"{_SUPPORT}; and QBWC_SUPPORT_DATABASE_URL of the server names that login."
)


class NoSupport(QbwcError):
    """The database's login may not read the views for support."""

    id: ClassVar[str] = "no-support"


@contextmanager
def support_reading(
    engine: Engine, *, views_only: bool = False
) -> Iterator[Connection]:
    """Yield a connection that reads the views for support, of all companies.

    On PostgreSQL it cannot write. What else it sees, its login decides: an operator's
    owns the tables, that of the console (`views_only`) must see nothing but the views.

    Raises:
        NoSupport: the database's login may not read the views, or may read more.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            say(connection, READ_ONLY)
            views, tables = connection.execute(_MAY_READ).one()
            if not views:
                raise NoSupport(
                    f"This database login may not read the views. {_READER}"
                )
            if views_only and tables:
                raise NoSupport(f"The console's login may read tables, too. {_READER}")
        yield connection


def no_reader() -> NoSupport:
    """Return what is said where the console was given no login to read with."""
    return NoSupport(f"The support console has no database login. {_READER}")
