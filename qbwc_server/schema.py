"""The database's schema: its migrations, and whether it fits this program."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from qbwc_server.errors import QbwcError

_HERE = Path(__file__).parent


class SchemaDiffers(QbwcError):
    """The database is not at the revision that this program was written for."""

    id: ClassVar[str] = "schema-differs"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database up to a revision; safe to call again and by many at once."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_lock(71_340_001)))
            connection.commit()
        try:
            if revision == "head" and _current(connection) == head():
                return
            command.upgrade(_config(connection), revision)
            connection.commit()
        finally:
            if connection.dialect.name == "postgresql":
                connection.rollback()
                connection.execute(sa.select(sa.func.pg_advisory_unlock(71_340_001)))
                connection.commit()


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database down to a revision, "base" for nothing."""
    with engine.connect() as connection:
        command.downgrade(_config(connection), revision)
        connection.commit()


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


def _current(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: sa.Connection | None) -> Config:
    inside = _HERE / "_migrations"
    folder = inside if inside.is_dir() else _HERE.parent / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    if connection is not None:
        config.attributes["connection"] = connection
    return config
