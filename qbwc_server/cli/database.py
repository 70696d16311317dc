"""Commands that look after the database's schema."""

from __future__ import annotations

import click
from sqlalchemy.engine import Engine, make_url

from qbwc_server import app
from qbwc_server.cli.output import parts, reporting
from qbwc_server.companies import heartbeat
from qbwc_server.keys import Keys
from qbwc_server.operations import database_restored
from qbwc_server.settings import Settings
from qbwc_server.storage import schema, which_copy
from qbwc_server.storage.database import make_engine, transaction

_SHOWN = 20
"""Differences that are named; they are often all of one kind."""
_sql = click.option(
    "--sql", is_flag=True, help="Print the statements and change nothing."
)
_since = click.option(
    "--since",
    metavar="REVISION",
    help="With --sql: print for a database at this revision, without asking ours; "
    '"base" for an empty one.',
)


@click.group()
def database() -> None:
    """Look after the database's schema."""


@database.command()
@_sql
@_since
@reporting
def upgrade(*, sql: bool, since: str | None) -> None:
    """Bring the database up to this program's schema."""
    if sql or since is not None:
        _print(since, schema.head(), sql=sql)
        return
    engine = _engine()
    app.upgrade(engine, Settings())
    found = schema.current(engine)
    told = "" if found == schema.head() else ", which this program serves; it is left"
    click.echo(f"The database is at revision {found}{told}.")


@database.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_sql
@_since
@reporting
def downgrade(revision: str, *, yes: bool, sql: bool, since: str | None) -> None:
    """Take the database down to an older program's REVISION, as 0007.

    What only the newer schema can hold is lost.
    """
    if sql or since is not None:
        _print(since, revision, sql=sql)
        return
    engine = _engine()
    if not yes:
        click.confirm(
            f"Take the database from {schema.current(engine) or 'base'} down to "
            f"{revision}? What only the newer schema can hold is lost.",
            abort=True,
        )
    schema.downgrade(engine, revision)
    click.echo(f"The database is at revision {schema.current(engine) or 'base'}.")


@database.command()
@reporting
def check() -> None:
    """Tell whether the database fits this program; exit 1 if it does not."""
    engine = _engine()
    schema.require_head(engine)
    found = sorted(schema.differences(engine))
    if found:
        lines = [f"  {one}" for one in found[:_SHOWN]]
        if len(found) > _SHOWN:
            lines.append(f"  and {len(found) - _SHOWN} more")
        told = "\n".join(lines)
        raise click.ClickException(
            f"The schema differs in {len(found)} places. To be as this program needs "
            f"it:\n{told}"
        )
    click.echo(f"The database is at revision {schema.head()} and fits.")


@database.command()
@click.option(
    "--in",
    "copy",
    metavar="DATABASE",
    help="Say it in a copy beside ours, on the same server, with which nobody works "
    "yet; its schema is brought up and the secret key is tried first.",
)
@reporting
def restored(copy: str | None) -> None:
    """Say that the database was put back from a backup, before anything else runs.

    All companies then compare both sides before they make anything on either.
    """
    if copy is None:
        made = parts()
        found = database_restored.declare(made.engine, now=made.clock(), who="operator")
    else:
        settings = Settings()
        url = make_url(settings.url()).set(database=copy)
        if url.get_backend_name() == "sqlite":
            raise click.UsageError("--in is for PostgreSQL.")
        engine = _engine(url.render_as_string(hide_password=False))
        app.upgrade(engine, settings)
        keys, now = Keys(settings.keys()), app.utc_now()
        found = database_restored.take_in(engine, keys, now=now, who="operator")
    click.echo(f"{len(found)} companies compare both sides first.")


@database.command()
@click.option("--minutes", default=30, show_default=True, help="How soon it happens.")
@reporting
def handover(minutes: int) -> None:
    """Say that PostgreSQL is about to move with nothing lost, before it does.

    For a planned switchover, or an upgrade of PostgreSQL. What takes over within that
    time is then not taken for an older copy, once.
    """
    made = parts()
    if made.engine.dialect.name == "sqlite":
        raise click.ClickException("The embedded database is not handed over.")
    which_copy.hand_over(made.engine, minutes)
    click.echo(f"What takes over in the next {minutes} minutes counts as the same.")


@database.command("backed-up")
@reporting
def backed_up() -> None:
    """Note that a whole backup was made, for the figures; `make backup` does it.

    For whoever backs up by other means.
    """
    made = parts()
    with transaction(made.engine) as connection:
        heartbeat.backed_up(connection, made.clock())
    click.echo("The backup is noted.")


def _print(since: str | None, to: str, *, sql: bool) -> None:
    if not sql:
        raise click.UsageError("--since is for --sql.")
    since = since or schema.current(_engine()) or "base"
    click.echo(schema.statements(Settings().url(), since, to), nl=False)


def _engine(url: str | None = None) -> Engine:
    engine = make_engine(url or Settings().url())
    click.get_current_context().call_on_close(engine.dispose)
    return engine
