"""Statements that are made once, for what is done at every call.

SQLAlchemy takes longer to make a statement than to run it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection


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
            connection.execute(history.insert(), event)
        return changed
    given = {f"of_{name}": value for name, value in key.items()}
    given |= {f"to_{name}": value for name, value in values.items()}
    given |= {f"told_{name}": value for name, value in event.items()}
    both = _update_and_insert(table, tuple(key), tuple(values), history, tuple(event))
    return connection.execute(both, given).rowcount == 1


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
