"""What the database says of itself: the table of words, and comments on everything.

Both are the program's own texts. They come with a program and not with a revision, so
whoever upgrades the database writes them where they differ.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server import words
from qbwc_server.kinds import KINDS, time_entry
from qbwc_server.storage import tables
from qbwc_server.storage.meanings import EVERY, FIGURES, VIEWS

_WORD = tables.word
_COMMENTS = sa.text(
    "SELECT c.relname, a.attname, d.description FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()"
    " JOIN pg_description d ON d.objoid = c.oid AND d.classoid = 'pg_class'::regclass"
    " LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid"
    " AND d.objsubid > 0"
)


def keep(connection: Connection) -> None:
    """Write words and comments that differ; for a database at the newest revision."""
    _keep_words(connection)
    if connection.dialect.name == "postgresql":
        _keep_comments(connection)


def statements(*, comments: bool) -> Iterator[str]:
    """Yield what `keep` does as statements, for any database at the newest revision."""
    yield f"DELETE FROM {_WORD.name}"  # noqa: S608 - our own names
    for row in sorted(_wanted_words()):
        values = ", ".join(_literal(value) for value in row)
        yield f"INSERT INTO {_WORD.name} ({', '.join(row._fields)}) VALUES ({values})"  # noqa: S608 - our own words
    if comments:
        for name, column, text in _wanted_comments():
            yield _commenting(name, column, text)


def remove(connection: Connection) -> None:
    """Take the comments away; an older program's database has none."""
    if connection.dialect.name == "postgresql":
        for name, column in _comments(connection):
            connection.exec_driver_sql(_commenting(name, column, None))


def _wanted_words() -> set[words.Row]:
    return set(words.rows((*KINDS, time_entry.NAME)))


def _wanted_comments() -> Iterator[tuple[str, str | None, str]]:
    for name, (about, columns) in EVERY.items():
        yield name, None, about
        for column, text in columns.items():
            yield name, column, text


def _keep_words(connection: Connection) -> None:
    wanted = _wanted_words()
    there = {tuple(row) for row in connection.execute(sa.select(_WORD))}
    if there == wanted:
        return
    connection.execute(_WORD.delete())
    connection.execute(_WORD.insert(), [one._asdict() for one in wanted])


def _keep_comments(connection: Connection) -> None:
    there = _comments(connection)
    for name, column, text in _wanted_comments():
        if there.get((name, column)) != text:
            connection.exec_driver_sql(_commenting(name, column, text))


def _comments(connection: Connection) -> dict[tuple[str, str | None], str]:
    """Return the comments of our tables and views, by name and column."""
    return {
        (row.relname, row.attname): row.description
        for row in connection.execute(_COMMENTS)
        if row.relname in EVERY
    }


def _commenting(name: str, column: str | None, text: str | None) -> str:
    """Return the statement that says what something is; it takes no bound values."""
    kind = "VIEW" if name in VIEWS or name in FIGURES else "TABLE"
    on = f"{kind} {name}" if column is None else f'COLUMN {name}."{column}"'
    return f"COMMENT ON {on} IS {'NULL' if text is None else _literal(text)}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
