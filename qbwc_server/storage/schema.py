"""The database's schema: its migrations, and whether it fits this program.

Rule 1: a revision only adds, so that the program before it can go on while servers are
started anew one by one, and can be gone back to. What is no longer needed is removed by
a later revision, when no program that needs it is left.
Rule 2: so a program serves its own revision and the next one, and no other. Where it
is told to bring the schema up, it leaves the next one as it is.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

from qbwc_server.errors import QbwcError
from qbwc_server.storage import descriptions, support_rights
from qbwc_server.storage.migrating import alone
from qbwc_server.storage.tables import metadata

_HERE = Path(__file__).parents[1]


class SchemaDiffers(QbwcError):
    """The database is at a revision that this program cannot serve."""

    id: ClassVar[str] = "schema-differs"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database up to a revision; safe to call again and by many at once.

    At the newest it also brings words and comments up to date. The next revision, which
    is served, is left as it is: so one goes back to this program by starting it.

    Raises:
        SchemaDiffers: it is newer than what this program serves.
        SchemaInUse: somebody holds a table and does not let it go.
    """

    def work(connection: Connection) -> None:
        if revision == "head" and _current(connection) == _next():
            return
        found = _known(connection)
        if revision != "head" or found != head():
            command.upgrade(_config(connection), revision)
        if _current(connection) == head():
            descriptions.keep(connection)
            if connection.dialect.name == "postgresql":
                support_rights.take_temporary_tables(connection)

    alone(engine, work)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database down to a revision, "base" for nothing.

    Raises:
        SchemaDiffers: it is newer than this program, which knows no way down.
        SchemaInUse: somebody holds a table and does not let it go.
    """

    def work(connection: Connection) -> None:
        _known(connection)
        descriptions.remove(connection)
        command.downgrade(_config(connection), revision)

    alone(engine, work)


@cache
def head() -> str:
    """Return the revision that this program was written for.

    All migrations are read for that, and they stay as they are while it runs.
    """
    found = ScriptDirectory.from_config(_config(None)).get_current_head()
    return found or ""


def current(engine: Engine) -> str | None:
    """Return the database's revision, None for an empty database."""
    with engine.connect() as connection:
        return _current(connection)


def require_head(engine: Engine) -> None:
    """Refuse any revision but our own.

    Raises:
        SchemaDiffers: with the command to run.
    """
    _refuse_but(engine, {head()})


def require_served(engine: Engine) -> None:
    """Refuse to work on a schema that this program cannot serve; see rule 2.

    Raises:
        SchemaDiffers: with the command to run.
    """
    _refuse_but(engine, {head(), _next()})


def _refuse_but(engine: Engine, served: AbstractSet[str]) -> None:
    with engine.connect() as connection:
        found = _current(connection)
        if found in served:
            return
        found = _known(connection)
    raise SchemaDiffers(
        f"The database is at revision {found or 'none'}, this program needs {head()}. "
        "Run `qbwc-server database upgrade`."
    )


def _known(connection: Connection) -> str | None:
    """Return the database's revision.

    Raises:
        SchemaDiffers: this program does not know it.
    """
    found, own = _current(connection), head()
    if found is not None and found not in _revisions():
        raise SchemaDiffers(
            f"The database is at revision {found}, which is newer than this program: "
            f"it needs {own}. Start the newer program, or have that one go back with "
            f"`qbwc-server database downgrade {own}`."
        )
    return found


def _next() -> str:
    """Return the revision after ours, which this program serves without knowing it."""
    return f"{int(head()) + 1:04}"


@cache
def _revisions() -> AbstractSet[str]:
    script = ScriptDirectory.from_config(_config(None))
    return frozenset(one.revision for one in script.walk_revisions())


def statements(url: str, since: str, to: str) -> str:
    """Return the statements that take a database of this kind between two revisions.

    For those who let nobody but themselves change their database; "base" is nothing.
    Up to our own revision, words and comments are among them.
    """
    config = _config(None)
    config.attributes["url"] = url
    config.output_buffer = io.StringIO()
    there = [*sorted(_revisions()), to]
    down = to == "base" or (since != "base" and there.index(to) < there.index(since))
    way = command.downgrade if down else command.upgrade
    way(config, f"{since}:{to}", sql=True)
    if to == head() and not down:
        said = descriptions.statements(comments=not url.startswith("sqlite"))
        config.output_buffer.write("BEGIN;\n\n")
        config.output_buffer.writelines(f"{one};\n\n" for one in said)
        config.output_buffer.write("COMMIT;\n")
    return config.output_buffer.getvalue()


def differences(engine: Engine) -> list[str]:
    """Return how the migrated database differs from the models, in Alembic's words.

    Each in a few: what would have to be done, and to what.
    """
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - slow, rare

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        with warnings.catch_warnings():
            # One index is of PostgreSQL only; Alembic says that SQLite has none such.
            warnings.filterwarnings("ignore", ".* expression-based index", UserWarning)
            return list(_told(compare_metadata(context, metadata)))


def _told(differences: Sequence[Any]) -> Iterator[str]:
    for one in differences:
        if isinstance(one, list):
            yield from _told(one)
            continue
        what, *parts = one
        names = [getattr(part, "name", part) for part in parts[:3]]
        of = getattr(getattr(parts[0], "table", None), "name", None)
        where = ".".join(name for name in (of, *names) if isinstance(name, str))
        yield f"{what.replace('_', ' ')} {where}"


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
