"""A backup of our own database, and what puts it back."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from qbwc_server.storage import tables


def copy_of(engine: Engine) -> Callable[[], None]:
    """Keep all rows; return what puts them back."""
    every = tables.metadata.sorted_tables
    with engine.begin() as connection:
        kept = {
            table.name: [
                dict(row._mapping) for row in connection.execute(sa.select(table))
            ]
            for table in every
        }

    def put_back() -> None:
        with engine.begin() as connection:
            for table in reversed(every):
                connection.execute(table.delete())
            for table in every:
                if kept[table.name]:
                    connection.execute(table.insert(), kept[table.name])

    return put_back
