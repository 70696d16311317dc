"""What must be so before a link is made or taken back; else it is refused, with why."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies.registry import Company
from qbwc_server.companies.team import team_claims
from qbwc_server.decisions.suggestions import NoPlace, place_of
from qbwc_server.delivery import outbox
from qbwc_server.errors import QbwcError
from qbwc_server.kinds import KINDS, kind, time_entry
from qbwc_server.kinds.list_plan import ELSEWHERE, SHARED_BY_NATURE
from qbwc_server.records import ancestors, mosaic_objects
from qbwc_server.records.references import PEOPLE
from qbwc_server.storage import tables

_RECORD, _CALL, _JOB = tables.record, tables.mosaic_call, tables.job
_UNDONE = frozenset({"refused", "absent"})
_FIELD_OF_TIME = {
    "employee": "member_id",
    "project": "project_id",
    "phase": "phase_id",
    "standard_work_category": "standard_work_category_id",
}
_TYPES = ("client", *_FIELD_OF_TIME)
_IN_TIME = {"customer": "job", "service_item": "item"}


class RecordUnknown(QbwcError):
    """There is no such record, or nobody can choose for one of its kind."""

    id: ClassVar[str] = "link-record-unknown"


class ObjectUnknown(QbwcError):
    """Mosaic has no such object, as far as was read."""

    id: ClassVar[str] = "link-object-unknown"


class WrongType(QbwcError):
    """The object of Mosaic is of another type than the record's counterpart."""

    id: ClassVar[str] = "link-wrong-type"


class WrongParent(QbwcError):
    """The object of Mosaic stands under something else."""

    id: ClassVar[str] = "link-wrong-parent"


class LinkedAlready(QbwcError):
    """The record is linked to another object."""

    id: ClassVar[str] = "link-linked-already"


class Taken(QbwcError):
    """Another record of the company is linked to the object."""

    id: ClassVar[str] = "link-taken"


class TakenElsewhere(QbwcError):
    """Another company file of the team is linked to the object."""

    id: ClassVar[str] = "link-taken-elsewhere"


class WriteUnderWay(QbwcError):
    """A write about the record is not settled."""

    id: ClassVar[str] = "link-write-under-way"


class Used(QbwcError):
    """The link was used already, and is not taken back."""

    id: ClassVar[str] = "link-used"


def record_to_link(connection: Connection, company_id: int, record_id: int) -> Row[Any]:
    """Return a record of a list, one that can be linked.

    Raises:
        RecordUnknown: there is none, or nothing can be chosen for it.
    """
    row = connection.execute(
        sa.select(_RECORD).where(
            _RECORD.c.company_id == company_id, _RECORD.c.id == record_id
        )
    ).first()
    if row is None:
        raise RecordUnknown("There is no such record.")
    listed = KINDS.get(row.kind)
    if listed is None or listed.mirror is None or row.quickbooks_gone:
        gone = "it was deleted in QuickBooks" if row.quickbooks_gone else "of its kind"
        raise RecordUnknown(f"Nothing can be chosen for {row.name}: {gone}.")
    return row


def place(
    connection: Connection, company: Company, row: Row[Any]
) -> tuple[str, int | None]:
    """Return what its counterpart is in Mosaic, and under which object it stands.

    Raises:
        NoPlace: nothing is wanted of it there.
    """
    lineage = ancestors.lineage(connection, company.id, row)
    wanted = kind.wanted(KINDS[row.kind], lineage, company.structure)
    if wanted is None:
        raise NoPlace("Nothing is wanted of it in Mosaic.")
    return place_of(row.kind, wanted)


def object_of(
    connection: Connection, company_id: int, data_type: str, mosaic_id: int
) -> dict[str, Any]:
    """Return an object of Mosaic as last read.

    Raises:
        ObjectUnknown, WrongType: it cannot stand for a record of that type.
    """
    found = mosaic_objects.get(connection, company_id, data_type, mosaic_id)
    if found is not None and not found.get("is_main"):
        return found
    table = tables.mosaic_object
    other = connection.execute(
        sa.select(table.c.data_type).where(
            table.c.company_id == company_id,
            table.c.data_type.in_(_TYPES),
            table.c.mosaic_id == mosaic_id,
        )
    ).scalar()
    noun = data_type.replace("_", " ")
    if found is not None:
        raise WrongType(
            f"{mosaic_id} is the main phase of its project, which stands for the "
            "project itself. Choose another phase."
        )
    if other is not None:
        raise WrongType(
            f"{mosaic_id} is a {other.replace('_', ' ')} of Mosaic; this record needs "
            f"a {noun}."
        )
    raise ObjectUnknown(
        f"Mosaic has no {noun} {mosaic_id}, as far as its lists were read."
    )


def require_parent(
    row: Row[Any], found: dict[str, Any], data_type: str, parent: int | None
) -> None:
    """Refuse what stands elsewhere; a project without a client is put under its own."""
    there = found.get("parent")
    if parent is None or there == parent or (there is None and data_type == "project"):
        return
    above = {"project": "client", "phase": "project"}[data_type]
    raise WrongParent(
        f"{found['name']} belongs to {above} {there} in Mosaic, but what {row.name} "
        f"stands under in QuickBooks is {above} {parent}."
    )


def require_free(
    connection: Connection,
    company: Company,
    row: Row[Any],
    data_type: str,
    mosaic_id: int,
    *,
    share: bool,
) -> None:
    """Refuse what another record or, unless they `share`, another file is linked to."""
    holder = connection.execute(
        sa.select(_RECORD.c.name).where(
            _RECORD.c.company_id == company.id,
            _RECORD.c.mosaic_type == data_type,
            _RECORD.c.mosaic_id == mosaic_id,
            _RECORD.c.id != row.id,
        )
    ).scalar()
    if holder is not None:
        raise Taken(f"{holder} is linked to it already.")
    if share or data_type in SHARED_BY_NATURE:
        return
    if team_claims.held_elsewhere(
        connection, company.team, company.id, data_type, [mosaic_id]
    ):
        raise TakenElsewhere(f"{ELSEWHERE} Say that both share it, or make it anew.")


def require_settled(connection: Connection, row: Row[Any]) -> None:
    """Refuse to decide about a record while a write about it is on its way."""
    if outbox.records_with_open_calls(connection, row.company_id, [row.id]):
        raise WriteUnderWay(
            f"A write about {row.name} is on its way to Mosaic. Try again in a minute."
        )


def used(connection: Connection, row: Row[Any], since: int) -> bool:
    """Tell whether anything was written by a link that is as old as an event."""
    company_id = row.company_id
    below = sa.select(_RECORD.c.id).where(
        _RECORD.c.company_id == company_id,
        _RECORD.c.kind == row.kind,
        _RECORD.c.parent_id == row.quickbooks_id,
    )
    about = _CALL.c.record_id == row.id
    about |= _CALL.c.record_id.in_(below) & (_CALL.c.operation == "create")
    word_of_time = _FIELD_OF_TIME.get(row.mosaic_type)
    if word_of_time is not None:
        about |= sa.and_(
            _CALL.c.data_type == time_entry.NAME,
            _CALL.c.fields[word_of_time].as_integer() == row.mosaic_id,
        )
    written = sa.exists().where(
        _CALL.c.company_id == company_id,
        _CALL.c.id > since,
        _CALL.c.state.not_in(_UNDONE),
        about,
    )
    name = "person" if row.kind in PEOPLE else _IN_TIME[row.kind]
    entered = sa.exists().where(
        _JOB.c.company_id == company_id,
        _JOB.c.id > since,
        _JOB.c.kind == time_entry.NAME,
        _JOB.c.record_id.is_not(None),
        _JOB.c.state != "cancelled",
        _JOB.c.payload["fields", name].as_string() == row.quickbooks_id,
    )
    return bool(connection.execute(sa.select(written | entered)).scalar())
