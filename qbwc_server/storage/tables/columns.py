"""The forms in which tables and columns of this database are written.

Every table of a company's data begins its primary key, its unique keys and its indexes
with `company_id`, so that companies can be spread over partitions or machines without
touching code. Ids are unique within a company across all its tables.
"""

from __future__ import annotations

import sqlalchemy as sa

from qbwc_server.storage.database import UTCDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def one_of(column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    """Return the check that a column holds one of some words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def of_company(name: str, *parts: sa.schema.SchemaItem) -> sa.Table:
    """Return a table of a company's data: it goes with its company."""
    return sa.Table(
        name,
        metadata,
        sa.Column("company_id", sa.BigInteger, primary_key=True, autoincrement=False),
        *parts,
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], ondelete="CASCADE"),
    )


def id_() -> sa.Column[int]:
    """Return the column of the id within the company; see `database.next_ids`."""
    return sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False)


def text(
    name: str, *, null: bool = False, default: str | None = None
) -> sa.Column[str]:
    """Return a column of text."""
    return sa.Column(name, sa.Text, nullable=null, server_default=default)


def moment(name: str, *, null: bool = True) -> sa.Column[object]:
    """Return a column of a moment in UTC."""
    return sa.Column(name, UTCDateTime, nullable=null)


def count(name: str, default: int = 0) -> sa.Column[int]:
    """Return a column that counts."""
    return sa.Column(name, sa.Integer, nullable=False, server_default=str(default))


def where(
    name: str, columns: tuple[str, ...], condition: str, *, unique: bool = False
) -> sa.Index:
    """Return an index of the rows that meet a condition, on both databases."""
    only = sa.text(condition)
    return sa.Index(
        name, *columns, unique=unique, sqlite_where=only, postgresql_where=only
    )


def looked_for(table: str, condition: str) -> sa.Index:
    """Return the index by which support finds a state in all companies at once.

    It holds the states in which somebody may have to act: few rows of a table.
    """
    return where(f"ix_{table}_support", ("state", "company_id", "id"), condition)


def flag(name: str, *, null: bool = False) -> sa.Column[bool]:
    """Return a column of yes or no; `null` stands for not known."""
    default = None if null else sa.false()
    return sa.Column(name, sa.Boolean, nullable=null, server_default=default)
