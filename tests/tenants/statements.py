"""What every statement says of the company that it is about.

On SQLite nothing stands behind the application's own conditions, so they are checked
statement by statement, as they are sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.sql import operators, visitors

from qbwc_server.storage import tables

LOOKUPS = {"caller", "duty", "team_file"}
"""What is looked at across companies; `test_serving_login` has what they show."""
TENANT = {
    table.name for table in tables.metadata.tables.values() if "company_id" in table.c
} - LOOKUPS
"""The tables of companies' data."""
HARMLESS = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA", "COMMIT")
"""What is sent as text alone begins with one of these."""


class Statements:
    """Listens to an engine while work is done for one company.

    `wrong` are the statements that do not say for whom they are, or say another;
    `seen` are the tables that the others were about, with what was done to them.
    """

    def __init__(self, company_id: int) -> None:
        self._company_id = company_id
        self.wrong: list[str] = []
        self.seen: set[tuple[str, str]] = set()
        self.distinct: set[str] = set()

    def listen(self, engine: Engine) -> None:
        """Look at every statement of an engine from here on."""
        sa.event.listen(engine, "before_cursor_execute", self._look)

    def _look(
        self, _connection: Any, _cursor: Any, text: str, _p: Any, context: Any, _m: Any
    ) -> None:
        compiled = context.compiled
        if compiled is None or isinstance(compiled.statement, sa.TextClause):
            if not text.startswith(HARMLESS):
                self.wrong.append(f"text: {text}")
            return
        self.distinct.add(text)
        for values in context.compiled_parameters or [{}]:
            said = set(_companies(compiled, values))
            loose = list(_loose(compiled.statement))
            if said - {self._company_id} or loose:
                self.wrong.append(f"{loose or said}: {text}")
        for table in _tenant_tables(compiled.statement):
            self.seen.add((table.name, type(compiled.statement).__name__))


def _parts(statement: Any) -> Iterator[Any]:
    yield from visitors.iterate(statement)


def _tenant_tables(statement: Any) -> set[sa.Table]:
    return {
        part
        for part in _parts(statement)
        if isinstance(part, sa.Table) and part.name in TENANT
    }


def _companies(compiled: Any, values: dict[str, Any]) -> Iterator[Any]:
    """Return the values that are given for any company_id of a statement."""
    for part in _parts(compiled.statement):
        if _is_equation(part):
            for one, other in ((part.left, part.right), (part.right, part.left)):
                if _is_company(one) and isinstance(other, sa.BindParameter):
                    yield values[compiled.bind_names[other]]
    if compiled.isinsert:
        yield from (
            value for name, value in values.items() if name.startswith("company_id")
        )


def _loose(statement: Any) -> Iterator[str]:
    """Return the tables of a statement whose company it does not say."""
    bound = {
        part.left.table
        for part in _parts(statement)
        if _is_equation(part)
        and _is_company(part.left)
        and isinstance(part.right, sa.BindParameter)
    }
    for part in _parts(statement):
        if isinstance(part, sa.Insert):
            given = {*part.compile().params, *_selected(part)}
            if part.table.name in TENANT and "company_id" not in given:
                yield part.table.name
            continue
        if isinstance(part, sa.Select):
            sources = {
                found for source in part.get_final_froms() for found in _sources(source)
            }
            conditions = [
                *part._where_criteria,
                *(join.onclause for join in _joins(part)),
            ]
        elif isinstance(part, sa.Update | sa.Delete):
            sources = {part.table}
            conditions = list(part._where_criteria)
        else:
            continue
        held = _held(conditions, bound)
        yield from (
            str(source)
            for source in sources
            if _table(source).name in TENANT and source not in held
        )


def _selected(insert: Any) -> Iterator[str]:
    """Return the columns that an insert takes from a select as they were given."""
    if insert.select is not None:
        values = insert.select._raw_columns
        for name, value in zip(insert._select_names, values, strict=True):
            if isinstance(value, sa.BindParameter):
                yield name


def _table(source: Any) -> Any:
    return getattr(source, "element", source)


def _sources(source: Any) -> Iterator[Any]:
    """Return the tables, also by other names, that rows are taken from."""
    if isinstance(source, sa.Join):
        yield from _sources(source.left)
        yield from _sources(source.right)
    elif isinstance(getattr(source, "element", source), sa.TableClause):
        yield source


def _joins(select: Any) -> list[Any]:
    return [
        part
        for source in select.get_final_froms()
        for part in _parts(source)
        if isinstance(part, sa.Join)
    ]


def _held(conditions: list[Any], bound: set[Any]) -> set[Any]:
    """Return the tables held to a company by what must all be true.

    Directly, or by being the same as that of a table which the statement holds.
    """
    equations = [
        part
        for condition in conditions
        for part in _all_of(condition)
        if _is_equation(part) and _is_company(part.left)
    ]
    held = {
        part.left.table
        for part in equations
        if isinstance(part.right, sa.BindParameter)
    }
    for part in equations:
        if _is_company(part.right):
            pair = {part.left.table, part.right.table}
            if pair & (held | bound):
                held |= pair
    return held


def _all_of(condition: Any) -> Iterator[Any]:
    if (
        isinstance(condition, sa.BooleanClauseList)
        and condition.operator is operators.and_
    ):
        for part in condition.clauses:
            yield from _all_of(part)
    elif isinstance(condition, sa.sql.elements.Grouping):
        yield from _all_of(condition.element)
    else:
        yield condition


def _is_equation(part: Any) -> bool:
    return isinstance(part, sa.BinaryExpression) and part.operator is operators.eq


def _is_company(part: Any) -> bool:
    return isinstance(part, sa.ColumnClause) and part.name == "company_id"
