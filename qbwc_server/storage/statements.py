"""Statements that are made once for what is done at every call, and for many rows.

SQLAlchemy takes longer to make a statement than to run it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

_AT_ONCE = 500
_MANY = 8
"""Rows from which on one text is cheaper than a statement for each."""


def change(
    connection: Connection,
    table: sa.Table,
    key: Mapping[str, object],
    values: Mapping[str, object],
) -> int:
    """Set columns where others have values, none of them None; return of how many rows.

    An expression may be set too; then the statement is made anew.
    """
    if any(isinstance(value, sa.ClauseElement) for value in values.values()):
        where = [table.c[name] == value for name, value in key.items()]
        return connection.execute(
            table.update().where(*where).values(**values)
        ).rowcount
    given = {f"of_{name}": value for name, value in key.items()}
    given |= {f"to_{name}": value for name, value in values.items()}
    return connection.execute(_update(table, tuple(key), tuple(values)), given).rowcount


def change_and_tell(
    connection: Connection,
    table: sa.Table,
    key: Mapping[str, object],
    values: Mapping[str, object],
    *,
    history: sa.Table,
    event: Mapping[str, object],
) -> bool:
    """Do so with one row and insert its event; neither where there is no such row.

    It is one statement on PostgreSQL.
    """
    if connection.dialect.name != "postgresql":
        changed = change(connection, table, key, values) == 1
        if changed:
            connection.execute(_insert_into(history), event)
        return changed
    given = {f"of_{name}": value for name, value in key.items()}
    given |= {f"to_{name}": value for name, value in values.items()}
    given |= {f"told_{name}": value for name, value in event.items()}
    both = _update_and_insert(table, tuple(key), tuple(values), history, tuple(event))
    return connection.execute(both, given).rowcount == 1


@lru_cache(maxsize=64)
def _insert_into(table: sa.Table) -> sa.Insert:
    return table.insert()


@lru_cache(maxsize=1000)
def _update_and_insert(
    table: sa.Table,
    key: tuple[str, ...],
    names: tuple[str, ...],
    history: sa.Table,
    told: tuple[str, ...],
) -> sa.Insert:
    changed = (
        _update(table, key, names).returning(sa.literal_column("1")).cte("changed")
    )
    event = sa.select(*(said(history.c[name], f"told_{name}") for name in told))
    insert = history.insert().from_select(told, event.select_from(changed))
    return insert.execution_options(preserve_rowcount=True)


@lru_cache(maxsize=1000)
def _update(table: sa.Table, key: tuple[str, ...], names: tuple[str, ...]) -> sa.Update:
    return (
        table.update()
        .where(*(equal(table.c[name], f"of_{name}") for name in key))
        .values({name: said(table.c[name], f"to_{name}") for name in names})
    )


def equal(column: sa.Column[object], name: str) -> sa.ColumnElement[bool]:
    """Return the condition that a column is what is given under a name."""
    return column == said(column, name)


def said(column: sa.Column[object], name: str) -> sa.BindParameter[object]:
    """Return the place of what is given under a name, of a column's type."""
    return sa.bindparam(name, type_=column.type)


def matching(
    connection: Connection,
    wanted: sa.Select[Any],
    column: sa.Column[Any],
    values: Sequence[str],
    given: Mapping[str, object],
) -> Iterator[Row[Any]]:
    """Yield the rows of a statement in whose column is one of many different values.

    `given` is what the statement asks for besides. Its other conditions and the column
    are those of a unique index. PostgreSQL looks each value up in that; given a list it
    prefers to scan a table that has grown since it last took stock, as all do in the
    hour of the first reading.
    """
    if connection.dialect.name != "postgresql":
        for start in range(0, len(values), _AT_ONCE):
            part = list(values[start : start + _AT_ONCE])
            yield from connection.execute(
                _some(wanted, column), {**given, "values": part}
            )
        return
    if values:
        # As JSON: the driver takes a millisecond longer to write an array of 500.
        listed = {"values": orjson.dumps(list(values)).decode()}
        yield from connection.execute(_each(wanted, column), {**given, **listed})


@lru_cache(maxsize=64)
def _some(wanted: sa.Select[Any], column: sa.Column[Any]) -> sa.Select[Any]:
    return wanted.where(column.in_(sa.bindparam("values", expanding=True)))


@lru_cache(maxsize=64)
def _each(wanted: sa.Select[Any], column: sa.Column[Any]) -> sa.Select[Any]:
    text = sa.cast(sa.bindparam("values", type_=sa.Text), postgresql.JSON)
    each = sa.func.json_array_elements_text(text)
    one = each.table_valued("value").render_derived("one")
    found = wanted.where(column == one.c.value).limit(1).lateral("found")
    return sa.select(found).select_from(one.join(found, sa.true()))


def insert_many(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    same: Mapping[str, Any],
) -> None:
    """Insert rows that all name the same columns; hundreds cost little more than one.

    `same` are the columns in which they do not differ. PostgreSQL takes the others as
    one text in one statement. COPY would be cheaper still, but it does not work under
    row-level security.
    """
    if connection.dialect.name != "postgresql" or len(rows) < _MANY:
        if rows:
            connection.execute(table.insert(), [{**same, **row} for row in rows])
        return
    statement = _insert_from_text(table, tuple(rows[0]), tuple(same))
    connection.execute(statement, {**same, "rows": _as_text(rows)})


@lru_cache(maxsize=64)
def _insert_from_text(
    table: sa.Table, names: tuple[str, ...], same: tuple[str, ...]
) -> sa.TextClause:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    types = {one.name: one.type.compile(dialect=dialect) for one in table.c}
    typed = ", ".join(f"{name} {types[name]}" for name in names)
    alike = [f"CAST(:{name} AS {types[name]})" for name in same]
    statement = sa.text(
        f"INSERT INTO {table.name} ({', '.join((*names, *same))}) "  # noqa: S608 - our names
        f"SELECT {', '.join((*names, *alike))} "
        f"FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS row ({typed})"
    )
    return statement.bindparams(
        *(sa.bindparam(name, type_=table.c[name].type) for name in same)
    )


def _as_text(rows: Sequence[Mapping[str, Any]]) -> str:
    try:
        return orjson.dumps(rows).decode()
    except TypeError:  # a number of more than 64 bits, for example
        return json.dumps(rows, default=datetime.isoformat, ensure_ascii=False)


def upsert(
    connection: Connection,
    table: sa.Table,
    rows: Sequence[dict[str, Any]],
    *,
    key: Sequence[str],
) -> None:
    """Insert rows; where one with the same key is there, change it to the new one."""
    if not rows:
        return
    kind = connection.dialect.name
    connection.execute(_upsert(kind, table, tuple(rows[0]), tuple(key)), rows)


@lru_cache(maxsize=64)
def _upsert(
    kind: str, table: sa.Table, names: tuple[str, ...], key: tuple[str, ...]
) -> postgresql.Insert | sqlite.Insert:
    statement = _insert(kind, table)
    changed = {name: statement.excluded[name] for name in names if name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=changed)


def insert(
    connection: Connection, table: sa.Table
) -> postgresql.Insert | sqlite.Insert:
    """Return an insert that can be told what to do where a row is there already."""
    return _insert(connection.dialect.name, table)


def _insert(kind: str, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if kind == "postgresql" else sqlite.insert(table)
