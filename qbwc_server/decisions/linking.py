"""What a person says about a record of a list: link it, make it anew, leave it, later.

Rule 1: each choice is checked before anything is changed, so that a refusal in a batch
leaves the others as they are, and each may be said again without harm.
Rule 2: a choice changes neither side by itself. It binds or frees the record here; the
worker plans it anew, and what waits for it follows.
Rule 3: an object of Mosaic that another company file of the team is linked to is linked
only with the word that both share it, but for people and work categories, see `sync`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry, team_claims
from qbwc_server.companies.registry import Company
from qbwc_server.decisions.suggestions import NoPlace, place_of
from qbwc_server.delivery import outbox
from qbwc_server.errors import QbwcError
from qbwc_server.kinds import KINDS, kind, time_entry
from qbwc_server.kinds.list_plan import (
    ELSEWHERE,
    SHARED_BY_NATURE,
    TOLD_LATER,
    TOLD_NOT_TO_LINK,
    Choice,
)
from qbwc_server.records import ancestors, mosaic_objects, store
from qbwc_server.records.references import PEOPLE
from qbwc_server.storage import tables

_RECORD, _EVENT = tables.record, tables.record_event
_CALL, _JOB = tables.mosaic_call, tables.job
_CHOSEN, _TAKEN_BACK = "choice: ", "choice taken back"
_UNDONE = frozenset({"refused", "absent"})
_FIELD_OF_TIME = {
    "employee": "member_id",
    "project": "project_id",
    "phase": "phase_id",
    "standard_work_category": "standard_work_category_id",
}
_TYPES = ("client", *_FIELD_OF_TIME)
_IN_TIME = {"customer": "job", "service_item": "item"}
Way: TypeAlias = Literal["new", "none", "later"]
WAYS: tuple[Way, ...] = get_args(Way)
"""What a person can say of a record besides linking it."""
_STANDS: dict[str, tuple[str, str]] = {
    "new": ("pending", "To be made anew in Mosaic."),
    "none": ("do_not_link", TOLD_NOT_TO_LINK),
    "later": ("unlinked", TOLD_LATER),
}


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


@dataclass(frozen=True, slots=True)
class Word:
    """Who says something, why, and when."""

    by: str
    now: datetime
    why: str | None = None


def link(
    connection: Connection,
    company_id: int,
    record_id: int,
    mosaic_id: int,
    word: Word,
    *,
    share: bool = False,
) -> bool:
    """Link a record to an object of Mosaic; False if it is already.

    `share` says that the object is another company file's too, and shall be.

    Raises:
        RecordUnknown, NoPlace, ObjectUnknown, WrongType, WrongParent: it cannot be.
        LinkedAlready, Taken, TakenElsewhere, WriteUnderWay: not as things are.
    """
    company = registry.get(connection, company_id)
    row = _record(connection, company_id, record_id)
    data_type, parent = _place(connection, company, row)
    if row.mosaic_id == mosaic_id and row.mosaic_type == data_type:
        return False
    if row.mosaic_id is not None:
        raise LinkedAlready(
            f"{row.name} is linked to {row.mosaic_type} {row.mosaic_id}. Unlink it "
            "first."
        )
    _require_settled(connection, row)
    found = _object(connection, company_id, data_type, mosaic_id)
    _require_parent(row, found, data_type, parent)
    _require_free(connection, company, row, data_type, mosaic_id, share=share)
    _remember(connection, row, Choice.LINK, word, to=[data_type, mosaic_id])
    mosaic_objects.link(
        connection,
        company_id,
        record_id,
        data_type,
        mosaic_id,
        found,
        by=word.by,
        now=word.now,
    )
    _change(connection, row, choice=Choice.LINK.value)
    _wake(connection, company, row, word.now)
    return True


def unlink(connection: Connection, company_id: int, record_id: int, word: Word) -> bool:
    """Take a record's counterpart from it; False if it has none.

    Neither side is changed. It waits for another word: by its name alone it would be
    linked to the same again.

    Raises:
        RecordUnknown, WriteUnderWay: it cannot be, or not now.
    """
    row = _record(connection, company_id, record_id)
    if row.mosaic_id is None:
        return False
    _require_settled(connection, row)
    _choose(connection, row, Choice.LATER.value, word)
    return True


def choose(
    connection: Connection, company_id: int, record_id: int, way: Way, word: Word
) -> bool:
    """Have a record made anew, not linked at all, or decided later; False if it is so.

    What is linked is only unlinked by a word that says so: "none" does, the others
    would make a second one or stop what works.

    Raises:
        RecordUnknown, LinkedAlready, WriteUnderWay: it cannot be, or not now.
    """
    row = _record(connection, company_id, record_id)
    if row.choice == way:
        return False
    if row.mosaic_id is not None and way != "none":
        raise LinkedAlready(
            f"{row.name} is linked to {row.mosaic_type} {row.mosaic_id}. Unlink it "
            "first."
        )
    _require_settled(connection, row)
    _choose(connection, row, way, word)
    return True


def undo(connection: Connection, company_id: int, record_id: int, word: Word) -> bool:
    """Take the last choice back; False if there is none to take back.

    Raises:
        Used: something was written by it; unlinking is another matter.
        RecordUnknown, WriteUnderWay, ObjectUnknown, Taken: it cannot be, or not now.
    """
    company = registry.get(connection, company_id)
    row = _record(connection, company_id, record_id)
    last = last_choice(connection, row)
    if last is None:
        return False
    _require_settled(connection, row)
    before = last.detail["before"]
    if row.mosaic_id is not None and _used(connection, row, last.id):
        raise Used(
            f"{row.name} stays linked to {row.mosaic_type} {row.mosaic_id}: something "
            "was written by this link already. Unlink it if it is wrong, and look at "
            "what was written."
        )
    back = (before["mosaic_type"], before["mosaic_id"])
    found = None
    if before["mosaic_id"] is not None:
        found = _object(connection, company_id, *back)
        _require_free(connection, company, row, *back, share=True)
    if row.mosaic_id is not None:
        why = "The choice was taken back."
        mosaic_objects.unlink(connection, row, why=why, by=word.by, now=word.now)
    if found is not None:
        mosaic_objects.link(
            connection, company_id, row.id, *back, found, by=word.by, now=word.now
        )
        _change(connection, row, agreed=before["agreed"])
    _change(
        connection,
        row,
        choice=before["choice"],
        state="pending",
        reason=None,
        due_at=word.now,
        attempt=0,
        waits_for=None,
        changed_at=word.now,
    )
    _event(connection, row, _TAKEN_BACK, word, {"choice": last.what})
    _wake(connection, company, row, word.now)
    return True


def _choose(connection: Connection, row: Row[Any], way: str, word: Word) -> None:
    _remember(connection, row, Choice(way), word)
    if row.mosaic_id is not None:
        mosaic_objects.unlink(connection, row, why=word.why, by=word.by, now=word.now)
    state, reason = _STANDS[way]
    _change(
        connection,
        row,
        choice=way,
        state=state,
        reason=reason,
        waits_for=None,
        due_at=word.now,
        attempt=0,
        changed_at=word.now,
    )
    _wake(connection, registry.get(connection, row.company_id), row, word.now)


def _record(connection: Connection, company_id: int, record_id: int) -> Row[Any]:
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


def _place(
    connection: Connection, company: Company, row: Row[Any]
) -> tuple[str, int | None]:
    line = ancestors.line(connection, company.id, row)
    wanted = kind.wanted(KINDS[row.kind], line, company.structure)
    if wanted is None:
        raise NoPlace("Nothing is wanted of it in Mosaic.")
    return place_of(row.kind, wanted)


def _object(
    connection: Connection, company_id: int, data_type: str, mosaic_id: int
) -> dict[str, Any]:
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


def _require_parent(
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


def _require_free(
    connection: Connection,
    company: Company,
    row: Row[Any],
    data_type: str,
    mosaic_id: int,
    *,
    share: bool,
) -> None:
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


def _require_settled(connection: Connection, row: Row[Any]) -> None:
    if outbox.records_with_open_calls(connection, row.company_id, [row.id]):
        raise WriteUnderWay(
            f"A write about {row.name} is on its way to Mosaic. Try again in a minute."
        )


def _remember(
    connection: Connection,
    row: Row[Any],
    choice: Choice,
    word: Word,
    *,
    to: list[object] | None = None,
) -> None:
    before = {
        name: getattr(row, name)
        for name in ("choice", "mosaic_type", "mosaic_id", "agreed", "state")
    }
    detail = {"before": before, "why": word.why, "to": to}
    _event(connection, row, _CHOSEN + choice.value, word, detail)


def _event(
    connection: Connection, row: Row[Any], what: str, word: Word, detail: object
) -> None:
    store.event(
        connection,
        row.company_id,
        row.id,
        at=word.now,
        what=what,
        by=word.by,
        detail=detail,
    )


def last_choice(connection: Connection, row: Row[Any]) -> Row[Any] | None:
    """Return the event of the last choice for a record that can be taken back."""
    last = connection.execute(
        sa.select(_EVENT)
        .where(
            _EVENT.c.company_id == row.company_id,
            _EVENT.c.record_id == row.id,
            _EVENT.c.what.startswith("choice"),
        )
        .order_by(_EVENT.c.id.desc())
        .limit(1)
    ).first()
    return None if last is None or last.what == _TAKEN_BACK else last


def _used(connection: Connection, row: Row[Any], since: int) -> bool:
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


def _change(connection: Connection, row: Row[Any], **values: object) -> None:
    connection.execute(
        _RECORD.update()
        .where(_RECORD.c.company_id == row.company_id, _RECORD.c.id == row.id)
        .values(**values)
    )


def _wake(
    connection: Connection, company: Company, row: Row[Any], now: datetime
) -> None:
    """Have what waits for a record looked at, and the preview made anew."""
    store.wake_waiting(connection, company.id, row.kind, row.quickbooks_id, now)
    values: dict[str, object] = {"deliver_at": now}
    if company.mode != "live":
        values["preview_at"] = now
    registry.change(connection, company.id, **values)
