"""What a person says about a record of a list: link it, make it anew, leave it, later.

Rule 1: each choice is checked before anything is changed, so that a refusal in a batch
leaves the others as they are, and each may be said again without harm.
Rule 2: a choice changes neither side by itself. It binds or frees the record here; the
worker plans it anew, and what waits for it follows.
Rule 3: an object of Mosaic that another company file of the team is linked to is linked
only with the word that both share it, but for people and work categories: `list_plan`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from qbwc_server.companies import registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import link_checks
from qbwc_server.kinds.list_plan import (
    TOLD_LATER,
    TOLD_NOT_TO_LINK,
    Choice,
)
from qbwc_server.records import (
    choices,
    history,
    links,
    mosaic_objects,
    waiting,
)
from qbwc_server.storage import tables
from qbwc_server.words.history import said

_RECORD, _EVENT = tables.record, tables.record_event
_CHOSEN, _TAKEN_BACK = "choice: ", "choice taken back"
Way: TypeAlias = Literal["new", "none", "later"]
WAYS: tuple[Way, ...] = get_args(Way)
"""What a person can say of a record besides linking it."""
_STANDS: dict[str, tuple[str, str]] = {
    "new": ("pending", "To be made anew in Mosaic."),
    "none": ("do_not_link", TOLD_NOT_TO_LINK),
    "later": ("unlinked", TOLD_LATER),
}


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
    row = link_checks.record_to_link(connection, company_id, record_id)
    data_type, parent = link_checks.place(connection, company, row)
    if row.mosaic_id == mosaic_id and row.mosaic_type == data_type:
        return False
    if row.mosaic_id is not None:
        raise link_checks.LinkedAlready(
            f"{row.name} is linked to {row.mosaic_type} {row.mosaic_id}. Unlink it "
            "first."
        )
    link_checks.require_settled(connection, row)
    found = link_checks.object_of(connection, company_id, data_type, mosaic_id)
    link_checks.require_parent(row, found, data_type, parent)
    link_checks.require_free(
        connection, company, row, data_type, mosaic_id, share=share
    )
    there = mosaic_objects.named(data_type, mosaic_id, found)
    _remember(
        connection, row, Choice.LINK, word, to=[data_type, mosaic_id], linked=there
    )
    links.link(
        connection,
        company_id,
        record_id,
        data_type,
        mosaic_id,
        found,
        by=word.by,
        now=word.now,
    )
    choices.keep_choice(connection, row.company_id, row.id, Choice.LINK.value)
    _wake(connection, company, row, word.now)
    return True


def link_by_hand(
    connection: Connection,
    company_id: int,
    record_id: int,
    mosaic_id: int,
    word: Word,
    *,
    share: bool = False,
) -> bool:
    """Link one record, as `link` does, and keep in the audit what was linked to what.

    Raises:
        QbwcError: as `link`.
    """
    done = link(connection, company_id, record_id, mosaic_id, word, share=share)
    if done:
        registry.audit(
            connection,
            company_id,
            word.now,
            who=word.by,
            what="record linked",
            why=word.why,
            detail={"record": record_id, "mosaic_id": mosaic_id},
        )
    return done


def unlink(connection: Connection, company_id: int, record_id: int, word: Word) -> bool:
    """Take a record's counterpart from it; False if it has none.

    Neither side is changed. It waits for another word: by its name alone it would be
    linked to the same again.

    Raises:
        RecordUnknown, WriteUnderWay: it cannot be, or not now.
    """
    row = link_checks.record_to_link(connection, company_id, record_id)
    if row.mosaic_id is None:
        return False
    link_checks.require_settled(connection, row)
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
    row = link_checks.record_to_link(connection, company_id, record_id)
    if row.choice == way:
        return False
    if row.mosaic_id is not None and way != "none":
        raise link_checks.LinkedAlready(
            f"{row.name} is linked to {row.mosaic_type} {row.mosaic_id}. Unlink it "
            "first."
        )
    link_checks.require_settled(connection, row)
    _choose(connection, row, way, word)
    return True


def undo(connection: Connection, company_id: int, record_id: int, word: Word) -> bool:
    """Take the last choice back; False if there is none to take back.

    Raises:
        Used: something was written by it; unlinking is another matter.
        RecordUnknown, WriteUnderWay, ObjectUnknown, Taken: it cannot be, or not now.
    """
    company = registry.get(connection, company_id)
    row = link_checks.record_to_link(connection, company_id, record_id)
    last = last_choice(connection, row)
    if last is None:
        return False
    link_checks.require_settled(connection, row)
    before = last.detail["before"]
    if row.mosaic_id is not None and link_checks.used(connection, row, last.id):
        raise link_checks.Used(
            f"{row.name} stays linked to {row.mosaic_type} {row.mosaic_id}: something "
            "was written by this link already. Unlink it if it is wrong, and look at "
            "what was written."
        )
    back = (before["mosaic_type"], before["mosaic_id"])
    found = None
    if before["mosaic_id"] is not None:
        found = link_checks.object_of(connection, company_id, *back)
        link_checks.require_free(connection, company, row, *back, share=True)
    if row.mosaic_id is not None:
        why = "The choice was taken back."
        links.unlink(connection, row, why=why, by=word.by, now=word.now)
    if found is not None:
        links.link(
            connection, company_id, row.id, *back, found, by=word.by, now=word.now
        )
        links.agree(connection, row, before["agreed"])
    choices.choose(
        connection, company_id, row.id, before["choice"], "pending", None, word.now
    )
    was_linked = mosaic_objects.named(*back, found)
    changed = said(row.choice, before["choice"], link=(_linked(row), was_linked))
    detail = {"choice": last.what, "changed": changed, "why": word.why}
    _event(connection, row, _TAKEN_BACK, word, detail)
    _wake(connection, company, row, word.now)
    return True


def _choose(connection: Connection, row: Row[Any], way: str, word: Word) -> None:
    _remember(connection, row, Choice(way), word)
    if row.mosaic_id is not None:
        links.unlink(connection, row, why=word.why, by=word.by, now=word.now)
    state, reason = _STANDS[way]
    choices.choose(connection, row.company_id, row.id, way, state, reason, word.now)
    _wake(connection, registry.get(connection, row.company_id), row, word.now)


def _remember(
    connection: Connection,
    row: Row[Any],
    choice: Choice,
    word: Word,
    *,
    to: list[object] | None = None,
    linked: str | None = None,
) -> None:
    """Keep a choice: what was before it, so that it can be taken back, and in words.

    `linked` is what the record is linked to from now on.
    """
    before = {
        name: getattr(row, name)
        for name in ("choice", "mosaic_type", "mosaic_id", "agreed", "state")
    }
    changed = said(row.choice, choice.value, link=(_linked(row), linked))
    detail = {"before": before, "changed": changed, "why": word.why, "to": to}
    _event(connection, row, _CHOSEN + choice.value, word, detail)


def _linked(row: Row[Any]) -> str | None:
    """Return what a record is linked to, by name and number."""
    return mosaic_objects.named(row.mosaic_type, row.mosaic_id, row.mosaic)


def _event(
    connection: Connection, row: Row[Any], what: str, word: Word, detail: object
) -> None:
    history.event(
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


def _wake(
    connection: Connection, company: Company, row: Row[Any], now: datetime
) -> None:
    """Have what waits for a record looked at, and the preview made anew."""
    waiting.wake_waiting(connection, company.id, row.kind, row.quickbooks_id, now)
    values: dict[str, object] = {"deliver_at": now}
    if company.mode != "live":
        values["preview_at"] = now
    registry.change(connection, company.id, **values)
