"""Whose rows a command lists: one company's, or, with an operator's login, all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from qbwc_server.companies import registry
from qbwc_server.storage.database import company_reading, operator_transaction


@contextmanager
def rows_of(
    engine: Engine, table: sa.Table, company: str | None
) -> Iterator[tuple[Connection, sa.Select[Any]]]:
    """Yield a connection, and the query of a table's rows that it may read.

    Raises:
        CompanyUnknown: there is no such company.
        SeesOneCompany: none was named, and the login is held to one at a time.
    """
    query = sa.select(table)
    if company is None:
        with operator_transaction(engine) as connection:
            yield connection, query
        return
    company_id = registry.find(engine, company).id
    with company_reading(engine, company_id) as connection:
        yield connection, query.where(table.c.company_id == company_id)
