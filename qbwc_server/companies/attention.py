"""What a person must look at about a company: said, and taken back when it is over."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.storage import tables
from qbwc_server.storage.database import moved

_TABLE = tables.company
COMPARING = "backup-restored"
WHICH_SIDE = "backup-restored-which-side"
RESTORED = frozenset({COMPARING, WHICH_SIDE})
"""A backup of the company file was restored: it is compared, or a person is asked."""
STOPPING = frozenset({"too-many-gone", "mosaic-too-many-gone"}) | RESTORED
"""Attentions in which nothing is written until it is settled what is gone."""
TIME_OFF = "time-tracking-off"
NOT_READ = "list-not-read"
IN_DOUBT = "write-in-doubt"
_LASTING = frozenset({TIME_OFF, NOT_READ, IN_DOUBT})
"""Those that a good run does not end; what ends them says so by `over`."""
_OF_MOSAIC = "mosaic-"


def attend(
    connection: Connection, company_id: int, *, error_id: str, text: str
) -> None:
    """Say what a person must look at; one that stops everything stays in front.

    Trouble with Mosaic does not hide trouble with the company file.
    """
    now = sa.func.coalesce(_TABLE.c.attention_id, "")
    condition: sa.ColumnElement[bool] = now.not_in(STOPPING)
    if error_id.startswith(_OF_MOSAIC):
        condition &= sa.or_(now == "", now.startswith(_OF_MOSAIC))
    connection.execute(
        _TABLE.update()
        .where(_TABLE.c.id == company_id, condition)
        .values(attention_id=error_id, attention=text)
    )
    if error_id in STOPPING:
        moved(connection, company_id)


def warn(connection: Connection, company_id: int, *, error_id: str, text: str) -> None:
    """Say what a person should know, unless something is to be attended already."""
    connection.execute(
        _TABLE.update()
        .where(_TABLE.c.id == company_id, _TABLE.c.attention_id.is_(None))
        .values(attention_id=error_id, attention=text)
    )


def calm(
    connection: Connection,
    company_id: int,
    *,
    also_stops: bool = False,
    mosaic: bool = False,
) -> None:
    """Take back what needed attention, because it is over.

    `mosaic` says on which side it is over: the trouble of the other side stays.
    """
    now = sa.func.coalesce(_TABLE.c.attention_id, "")
    of_mosaic = now.startswith(_OF_MOSAIC)
    condition = (_TABLE.c.id == company_id) & (of_mosaic if mosaic else ~of_mosaic)
    condition &= now.not_in(_LASTING)
    if not also_stops:
        condition &= now.not_in(STOPPING)
    connection.execute(
        _TABLE.update().where(condition).values(attention_id=None, attention=None)
    )


def over(connection: Connection, company_id: int, error_id: str) -> None:
    """Take back one thing that needed attention, if it is what is said now."""
    connection.execute(
        _TABLE.update()
        .where(_TABLE.c.id == company_id, _TABLE.c.attention_id == error_id)
        .values(attention_id=None, attention=None)
    )
