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
