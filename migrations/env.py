"""Alembic's environment: online on a connection handed in, or offline as SQL.

A revision never imports the application, so that it keeps meaning what it meant.
"""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy.dialects import postgresql

from qbwc_server.settings import Settings
from qbwc_server.storage.database import UTCDateTime, make_engine
from qbwc_server.storage.tables import metadata


def render(kind: str, thing: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write our own types as plain SQLAlchemy ones, see the module's text."""
    if kind == "type" and isinstance(thing, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(thing, sa.JSON):
        autogen.imports.add("from sqlalchemy.dialects import postgresql")
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    if kind == "server_default" and isinstance(getattr(thing, "arg", None), sa.False_):
        return "sa.false()"  # SQLite would have it written as 0
    return False


def compare(
    _context: object, _inspected: object, _column: object, inspected: Any, wanted: Any
) -> bool | None:
    """Count a JSON column with a JSONB variant as the same."""
    if isinstance(wanted, sa.JSON) and isinstance(
        inspected, sa.JSON | postgresql.JSONB
    ):
        return False
    return None


def run(connection: sa.Connection) -> None:
    """Bring the connection's database to the wanted revision."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render,
        render_as_batch=True,
        compare_type=compare,
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    context.configure(
        url=make_engine(context.config.attributes.get("url") or Settings().url()).url,
        target_metadata=metadata,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.run_migrations()
elif (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    with make_engine(Settings().url()).connect() as own:
        run(own)
        own.commit()
