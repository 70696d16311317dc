"""Two records that turned out to be one entry become one row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.records import history
from qbwc_server.records.row import change, side_of
from qbwc_server.records.told import former
from qbwc_server.storage import tables
from qbwc_server.storage.database import moved

_RECORD = tables.record


def join(
    connection: Connection,
    of_quickbooks: Row[Any],
    of_mosaic: Row[Any],
    now: datetime,
    *,
    stays: int,
    what: str,
    why: str,
) -> None:
    """Make one record of one for each side; the other one's history comes along.

    `stays` is the id that remains; `what` and `why` are for its history. Nothing is
    agreed on yet: the next plan compares.
    """
    other = of_mosaic if stays == of_quickbooks.id else of_quickbooks
    company_id = other.company_id
    history.move(connection, company_id, other.id, now, to=stays)
    for one in (of_quickbooks, of_mosaic):
        former.leaves(
            connection,
            one,
            now,
            to=stays,
            quickbooks_id=of_quickbooks.quickbooks_id,
            external_guid=of_quickbooks.external_guid,
            mosaic_id=of_mosaic.mosaic_id,
        )
    drop(connection, company_id, other.id)
    change(
        connection,
        company_id,
        stays,
        name=of_quickbooks.name,
        day=of_quickbooks.day,
        **side_of(of_quickbooks, "quickbooks"),
        quickbooks_gone=of_quickbooks.quickbooks_gone,
        external_guid=of_quickbooks.external_guid,
        **side_of(of_mosaic, "mosaic"),
        mosaic_gone=of_mosaic.mosaic_gone,
        gone=of_mosaic.gone if of_mosaic.mosaic_gone else sa.null(),
        agreed=sa.null(),
        restored=None,
        lost=sa.null(),
        changed_at=now,
    )
    history.event(
        connection,
        company_id,
        stays,
        at=now,
        what=what,
        by="plan",
        detail={
            "record": other.id,
            "txn_id": of_quickbooks.quickbooks_id,
            "mosaic_id": of_mosaic.mosaic_id,
            "why": why,
        },
    )
    moved(connection, company_id)


def drop(connection: Connection, company_id: int, record_id: int) -> None:
    """Forget a record whose entry another record has."""
    connection.execute(
        _RECORD.delete().where(
            _RECORD.c.company_id == company_id, _RECORD.c.id == record_id
        )
    )
