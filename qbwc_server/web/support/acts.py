"""What support does in the console, through what the commands go through.

Rule 1: who acts says why, and both are kept in the audit.
Rule 2: what touches many is asked about first.
Rule 3: everything may be said twice without harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy as sa
from flask import Blueprint, abort, redirect, request
from sqlalchemy.engine import Connection
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies import registry
from qbwc_server.decisions import (
    bulk,
    company_settings,
    conflicts,
    link_checks,
    linking,
    restored,
    resync,
)
from qbwc_server.decisions.linking import Word
from qbwc_server.errors import QbwcError
from qbwc_server.jobs import by_hand
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction
from qbwc_server.support import console as looking
from qbwc_server.web.asked import whole
from qbwc_server.web.support import pages
from qbwc_server.web.support.site import Console

MANY: Final = 10
"""What touches more than so many asks back, as commands do."""
_WITHOUT_WHY = "Nothing is done: say why, it is kept in the audit."
_WITHOUT_ANY = "Nothing is done: select something first."
_LONGEST_WHY = 500
_MOST = looking.PAGE
_MANY_DO: Final = {
    "records": {"resync": "read again from both sides", "unlink": "unlinked"},
    "jobs": {
        "retry": "tried again",
        "cancel": "taken back",
        "missing": "said not to be in QuickBooks",
        "leave": "left as they are",
    },
}
_RECORD_DO: Final = {
    *("resync", "unlink", "link", "settle:quickbooks", "settle:mosaic"),
    *("restored:back", "restored:leave"),
}
_QUESTIONS: Final = {
    "resync": "Everything of this company is read again from both sides, and planned "
    "anew. Nothing is changed by that alone.",
    "pause": "Nothing is read or written any more for this company until somebody has "
    "it go on.",
}


def add(pages: Blueprint, console: Console) -> None:
    """Add the forms that change something."""

    @pages.post("/companies/<int:company_id>/act")
    def of_company(company_id: int) -> Answer:
        return _of_company(console, company_id)

    @pages.post("/companies/<int:company_id>/<what>/act")
    def of_many(company_id: int, what: str) -> Answer:
        return _of_many(console, company_id, what)

    @pages.post("/records/<int:company_id>-<int:number>/act")
    def of_record(company_id: int, number: int) -> Answer:
        return _of_record(console, company_id, number)

    @pages.post("/jobs/<int:company_id>-<int:number>/act")
    def of_job(company_id: int, number: int) -> Answer:
        return _of_job(console, company_id, number)


def _of_company(console: Console, company_id: int) -> Answer:
    row = console.read(lambda connection: console.company(connection, company_id))
    do, why = request.form.get("do", ""), _why()
    if do not in {"pause", "resume", "resync"}:
        abort(400)
    if not why:
        return pages.company_page(console, company_id, notice=_WITHOUT_WHY, status=400)
    here = f"/support/companies/{company_id}"
    if do in _QUESTIONS and not _is_confirmed():
        return _ask(console, here, row.company, _QUESTIONS[do])
    site, who = console.site, console.person.name
    company, now = registry.numbered(site.engine, company_id), site.clock()
    if do == "pause":
        company_settings.pause(site.engine, company, now=now, who=who, why=why)
    elif do == "resume":
        company_settings.resume(site.engine, company, now=now, who=who, why=why)
    else:
        with company_transaction(site.engine, company_id) as connection:
            resync.company(connection, company_id, now=now, who=who, why=why)
    return redirect(f"{here}?said=done", 303)


def _of_many(console: Console, company_id: int, what: str) -> Answer:
    row = console.read(lambda connection: console.company(connection, company_id))
    do, why = request.form.get("do", ""), _why()
    if do not in _MANY_DO.get(what, ()):
        abort(400)
    numbers = list(dict.fromkeys(request.form.getlist("number", type=whole)))
    if len(numbers) > _MOST or not all(0 < n <= looking.GREATEST for n in numbers):
        abort(400)
    if not numbers or not why:
        notice = _WITHOUT_WHY if numbers else _WITHOUT_ANY
        return pages.list_page(console, company_id, what, notice=notice, status=400)
    here = f"/support/companies/{company_id}/{what}"
    if len(numbers) > MANY and not _is_confirmed():
        told = f"{len(numbers)} {what} are {_MANY_DO[what][do]}."
        return _ask(console, here, row.company, told)
    act = _jobs if what == "jobs" else _records
    refused = act(console, company_id, numbers, do, why)
    if refused:
        done = len(numbers) - len(refused)
        notice = f"{done} of {len(numbers)} done. {' '.join(refused[:3])}"
        return pages.list_page(console, company_id, what, notice=notice, status=409)
    return redirect(f"{here}?said=done", 303)


def _of_record(console: Console, company_id: int, number: int) -> Answer:
    console.read(lambda db: console.one(db, "records", company_id, number))
    said, why = request.form.get("do", ""), _why()
    if said not in _RECORD_DO:
        abort(400)
    do, _, side = said.partition(":")

    def act(connection: Connection) -> None:
        if do == "settle":
            _settle(console, connection, company_id, number, side, why)
        elif do == "restored":
            restored.say(
                connection,
                company_id,
                [number],
                back=side == "back",
                by=console.person.name,
                now=console.site.clock(),
                why=why,
            )
        else:
            _link(console, connection, company_id, number, why)

    if not why:
        refused = [_WITHOUT_WHY]
    elif do in _MANY_DO["records"]:
        refused = _records(console, company_id, [number], do, why)
    else:
        refused = _tried(console, company_id, act)
    if refused:
        status = 409 if why else 400
        return pages.record_page(
            console, company_id, number, notice=refused[0], status=status
        )
    return redirect(f"/support/records/{company_id}-{number}?said=done", 303)


def _of_job(console: Console, company_id: int, number: int) -> Answer:
    console.read(lambda db: console.one(db, "jobs", company_id, number))
    do, why = request.form.get("do", ""), _why()
    if do not in {*_MANY_DO["jobs"], "found"}:
        abort(400)
    refused = [_WITHOUT_WHY]
    if why and do == "found":
        refused = _tried(
            console, company_id, lambda db: _found(console, db, company_id, number, why)
        )
    elif why:
        refused = _jobs(console, company_id, [number], do, why)
    if refused:
        status = 409 if why else 400
        return pages.job_page(
            console, company_id, number, notice=refused[0], status=status
        )
    return redirect(f"/support/jobs/{company_id}-{number}?said=done", 303)


def _why() -> str:
    return request.form.get("why", "").strip()[:_LONGEST_WHY]


def _is_confirmed() -> bool:
    return request.form.get("confirmed") == "yes"


def _ask(console: Console, back: str, company: str, question: str) -> Answer:
    """Return the page that asks back; its form says all again, and that it is meant."""
    fields = [
        (name, value)
        for name in ("do", "why", "number")
        for value in request.form.getlist(name)
    ]
    return console.page(
        "confirm",
        back=back,
        action=request.path,
        company=company,
        question=question,
        fields=fields,
    )


def _tried(
    console: Console, company_id: int, act: Callable[[Connection], None]
) -> list[str]:
    """Do something in one transaction of a company; return why not, if refused."""
    try:
        with company_transaction(console.site.engine, company_id) as connection:
            act(connection)
    except QbwcError as error:
        return [error.support]
    return []


def _jobs(
    console: Console, company_id: int, numbers: Sequence[int], do: str, why: str
) -> list[str]:
    """Decide about jobs, each by itself; return for each that refuses why."""
    decide = {
        "retry": by_hand.retry,
        "cancel": by_hand.cancel,
        "missing": by_hand.missing,
        "leave": by_hand.leave,
    }[do]
    refused: list[str] = []
    for number in numbers:

        def act(connection: Connection, number: int = number) -> None:
            found = by_hand.find(connection, company_id, number)
            if found is not None:
                now, by = console.site.clock(), console.person.name
                decide(connection, found, by=by, now=now, why=why)

        refused += _tried(console, company_id, act)
    return refused


def _found(
    console: Console, connection: Connection, company_id: int, number: int, why: str
) -> None:
    job = by_hand.find(connection, company_id, number)
    if job is not None:
        txn_id, now = request.form.get("txn_id", ""), console.site.clock()
        by = console.person.name
        by_hand.found(connection, job, txn_id, by=by, now=now, why=why)


def _records(
    console: Console, company_id: int, numbers: Sequence[int], do: str, why: str
) -> list[str]:
    """Have records read again or unlinked; return for each that refuses why."""
    site, who = console.site, console.person.name
    if do == "resync":
        with company_transaction(site.engine, company_id) as connection:
            now = site.clock()
            resync.some(connection, company_id, numbers, now=now, who=who, why=why)
        return []
    answer = bulk.say(
        site.engine,
        registry.numbered(site.engine, company_id),
        "unlink",
        numbers,
        by=who,
        clock=site.clock,
        why=why,
    )
    return [reason for _, reason in answer.refused]


def _settle(
    console: Console,
    connection: Connection,
    company_id: int,
    number: int,
    side: str,
    why: str,
) -> None:
    record = tables.record
    row = connection.execute(
        sa.select(record).where(
            record.c.company_id == company_id, record.c.id == number
        )
    ).one()
    now, by = console.site.clock(), console.person.name
    shown = request.form.get("shown")
    conflicts.settle(connection, row, side, by=by, now=now, why=why, shown=shown)


def _link(
    console: Console, connection: Connection, company_id: int, number: int, why: str
) -> None:
    mosaic_id = request.form.get("mosaic_id", type=whole) or 0
    if not 0 < mosaic_id <= looking.GREATEST:
        raise link_checks.ObjectUnknown("Say the number that it has in Mosaic.")
    word = Word(console.person.name, console.site.clock(), why)
    share = request.form.get("share") == "yes"
    if linking.link(connection, company_id, number, mosaic_id, word, share=share):
        registry.audit(
            connection,
            company_id,
            word.now,
            who=word.by,
            what="record linked",
            why=why,
            detail={"record": number, "mosaic_id": mosaic_id},
        )
