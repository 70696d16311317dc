"""What support decides about a record in the console.

Each is said by the function that its command calls, which refuses what does not fit and
says why; here it is only asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, request
from sqlalchemy.engine import Connection, Row
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies import registry
from qbwc_server.decisions import (
    bulk,
    conflicts,
    gone,
    link_checks,
    linking,
    one_or_two,
    restored,
    resync,
    what_if,
)
from qbwc_server.kinds.time_plan import LEFT
from qbwc_server.kinds.tombstone import Word
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.web.asked import whole
from qbwc_server.web.support import asking, pages
from qbwc_server.web.support.site import Console

_CHOICES: Final = (*linking.WAYS, "undo", "unlink")
_SIDES: Final = {
    "settle": ("quickbooks", "mosaic", LEFT),
    "restored": ("back", "leave"),
    "gone": ("deleted", "stays"),
}
_DO: Final = {
    *("resync", "link", "one", "two", *_CHOICES),
    *(f"{do}:{side}" for do, sides in _SIDES.items() for side in sides),
}
"""What the buttons of a record's page say."""


def add(routes: Blueprint, console: Console) -> None:
    """Add the form of a record's page."""

    @routes.post("/records/<int:company_id>-<int:number>/act")
    def of_record(company_id: int, number: int) -> Answer:
        return _of_record(console, company_id, number)


def many(
    console: Console, company_id: int, numbers: Sequence[int], do: str, why: str
) -> list[str]:
    """Have records read again, or choose for them; return for each that refuses why."""
    site, who = console.site, console.person.name
    if do == "resync":
        with company_transaction(site.engine, company_id) as connection:
            now = site.clock()
            resync.some(connection, company_id, numbers, now=now, who=who, why=why)
        return []
    answer = bulk.say(
        site.engine,
        registry.numbered(site.engine, company_id),
        do,  # type: ignore[arg-type]  # it is one of them
        numbers,
        by=who,
        clock=site.clock,
        why=why,
    )
    return [reason for _, reason in answer.refused]


def _of_record(console: Console, company_id: int, number: int) -> Answer:
    row = console.read(lambda db: console.one(db, "records", company_id, number))
    said, why = request.form.get("do", ""), asking.why()
    if said not in _DO:
        abort(400)
    if not why:
        refused = [asking.WITHOUT_WHY]
    elif said in {"resync", *_CHOICES}:
        refused = many(console, company_id, [number], said, why)
    elif said == "link" and not asking.is_confirmed():
        question, refused = _would_link(console, row, why)
        if question is not None:
            return question
    else:
        refused = asking.tried(
            console, company_id, _act(console, company_id, number, said, why)
        )
    if refused:
        status = 409 if why else 400
        return pages.record_page(
            console, company_id, number, notice=refused[0], status=status
        )
    return redirect(f"/support/records/{company_id}-{number}?said=done", 303)


def _act(
    console: Console, company_id: int, number: int, said: str, why: str
) -> Callable[[Connection], object]:
    """Return what does what a button says, within a transaction of the company."""
    do, _, side = said.partition(":")
    by, now = console.person.name, console.site.clock()
    word = linking.Word(by, now, why)

    def act(connection: Connection) -> None:
        if do == "link":
            _link(connection, company_id, number, word)
        elif do in {"one", "two"}:
            _one_or_two(connection, do, company_id, number, word)
        elif do == "restored":
            back = side == "back"
            restored.say(
                connection, company_id, [number], back=back, by=by, now=now, why=why
            )
        elif do == "gone":
            row, meant = _row(connection, company_id, number), Word(side)
            gone.say(connection, row, meant, by=by, now=now, why=why)
        else:
            row, shown = _row(connection, company_id, number), request.form.get("shown")
            conflicts.settle(
                connection, row, side, by=by, now=now, why=why, shown=shown
            )

    return act


def _row(connection: Connection, company_id: int, number: int) -> Row[Any]:
    record = tables.record
    return connection.execute(
        sa.select(record).where(
            record.c.company_id == company_id, record.c.id == number
        )
    ).one()


def _one_or_two(
    connection: Connection, do: str, company_id: int, number: int, word: linking.Word
) -> None:
    """Say that an entry and another one are one, or two.

    The form names the other as commands do: a record (3-17), or its number in Mosaic.
    """
    other = request.form.get("other", "").strip()
    second, mosaic_id = _other(company_id, other)
    by, now, why = word.by, word.now, word.why
    if do == "one":
        one_or_two.one(
            connection,
            company_id,
            number,
            second,
            mosaic_id=mosaic_id,
            by=by,
            now=now,
            why=why,
        )
    elif mosaic_id is not None:
        raise one_or_two.NotToBeSaid("Name the other record, such as 3-17.")
    else:
        one_or_two.two(connection, company_id, number, second, by=by, now=now, why=why)


def _other(company_id: int, text: str) -> tuple[int | None, int | None]:
    """Return the record of the company that is named, or the number in Mosaic."""
    if not text:
        return None, None
    company, dash, record = text.rpartition("-")
    try:
        if not dash:
            return None, whole(text)
        if company == str(company_id):
            return whole(record), None
    except ValueError:
        pass
    raise one_or_two.NotToBeSaid(
        "Name the other record of this company, such as "
        f"{company_id}-17, or its number in Mosaic."
    )


def _picked() -> int:
    """Return the number in Mosaic that a form names, picked or typed.

    Raises:
        ObjectUnknown: it names none, or more than one.
    """
    named = {one.strip() for one in request.form.getlist("mosaic_id")} - {""}
    try:
        (mosaic_id,) = (whole(one) for one in named)
    except ValueError:
        mosaic_id = 0
    if mosaic_id <= 0:
        raise link_checks.ObjectUnknown(
            "Pick one of them, or say the number that it has in Mosaic."
        )
    return mosaic_id


def _would_link(
    console: Console, row: Row[Any], why: str
) -> tuple[Answer | None, list[str]]:
    """Return the question that tells what a link would do; or why it is refused."""
    word = linking.Word(console.person.name, console.site.clock(), why)
    share, told = request.form.get("share") == "yes", []

    def act(connection: Connection) -> None:
        number = _picked()
        told.append(
            what_if.link(
                connection, row.company_id, row.record_id, number, word, share=share
            )
        )

    refused = asking.tried(console, row.company_id, act)
    if refused:
        return None, refused
    back = f"/support/records/{row.record}/link"
    return asking.ask(console, back, row.company, told[0]), []


def _link(
    connection: Connection, company_id: int, number: int, word: linking.Word
) -> None:
    share = request.form.get("share") == "yes"
    linking.link_by_hand(connection, company_id, number, _picked(), word, share=share)
