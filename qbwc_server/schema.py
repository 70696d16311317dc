"""The database's schema: its migrations, and whether it fits this program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

from qbwc_server import descriptions
from qbwc_server.errors import QbwcError

_HERE = Path(__file__).parent
_LOCK = 71_340_001
"""Any number will do, if nobody else locks it in the same PostgreSQL database."""


class SchemaDiffers(QbwcError):
    """The database is not at the revision that this program was written for."""

    id: ClassVar[str] = "schema-differs"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database up to a revision; safe to call again and by many at once.

    At the newest it also brings words and comments up to date.
    """
    with migrating(engine) as connection:
        if revision != "head" or _current(connection) != head():
            command.upgrade(_config(connection), revision)
        if _current(connection) == head():
            descriptions.keep(connection)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database down to a revision, "base" for nothing."""
    with migrating(engine) as connection:
        descriptions.remove(connection)
        command.downgrade(_config(connection), revision)


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that nobody else migrates beside, in one transaction.

    SQLite changes a table by copying it, and dropping the old one would delete what
    refers to it: foreign keys are off meanwhile.
    """
    with engine.connect() as connection:
        try:
            _foreign_keys(connection, "OFF")
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
                yield connection
        finally:
            _foreign_keys(connection, "ON")


def _foreign_keys(connection: Connection, switch: str) -> None:
    """Switch them on SQLite, past SQLAlchemy: not possible within a transaction."""
    driver: Any = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite":
        driver.execute(f"PRAGMA foreign_keys={switch}")


def head() -> str:
    """Return the revision that this program was written for."""
    found = ScriptDirectory.from_config(_config(None)).get_current_head()
    return found or ""


def current(engine: Engine) -> str | None:
    """Return the database's revision, None for an empty database."""
    with engine.connect() as connection:
        return _current(connection)


def require_head(engine: Engine) -> None:
    """Refuse to work on another schema.

    Raises:
        SchemaDiffers: with the command to run.
    """
    found = current(engine)
    if found != head():
        raise SchemaDiffers(
            f"The database is at revision {found or 'none'}, this program needs "
            f"{head()}. Run `qbwc-server database upgrade` of the newer program."
        )


def differences(engine: Engine) -> list[str]:
    """Return how the migrated database differs from the models, in Alembic's words."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - slow, rare

    from qbwc_server.models import metadata  # noqa: PLC0415

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        return [str(one) for one in compare_metadata(context, metadata)]


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None) -> Config:
    inside = _HERE / "_migrations"
    folder = inside if inside.is_dir() else _HERE.parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    if connection is not None:
        config.attributes["connection"] = connection
    return config
