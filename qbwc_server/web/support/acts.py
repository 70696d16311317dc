"""What support does in the console, through what the commands go through.

Rule: everything may be said twice without harm. What is asked first is in `asking`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Blueprint, abort, redirect, request
from sqlalchemy.engine import Connection
from werkzeug.wrappers import Response as Answer

from qbwc_server.companies import registry
from qbwc_server.decisions import company_settings, restored, resync
from qbwc_server.jobs import by_hand
from qbwc_server.kinds.restored import WAYS
from qbwc_server.quickbooks import replays
from qbwc_server.quickbooks.restores import deciding
from qbwc_server.storage.database import company_reading, company_transaction
from qbwc_server.support import console as looking
from qbwc_server.web.asked import whole
from qbwc_server.web.support import asking, pages, record_acts
from qbwc_server.web.support.site import Console
from qbwc_server.words import questions, urgency

MANY: Final = 10
"""What touches more than so many asks back, as commands do."""
_WITHOUT_ANY = "Nothing is done: select something first."
_MOST = looking.PAGE
_MANY_DO: Final = {
    "records": {"resync": "read again from both sides", "unlink": "unlinked"},
    "jobs": {
        "retry": "tried again",
        "cancel": "taken back",
        "missing": "said not to be in QuickBooks",
        "leave": "left as they are",
    },
    "exchanges": {"replay": "worked with again"},
}
_AFTER_RESTORE: Final = {f"after-restore:{way}": way for way in WAYS}
_COMPANY_DO: Final = {"pause", "resume", "resync", *_AFTER_RESTORE}
_QUESTIONS: Final = {
    "resync": "Everything of this company is read again from both sides, and planned "
    "anew. Nothing is changed by that alone.",
    "pause": "QuickBooks is left alone, and nothing is written for this company, until "
    "somebody has it go on.",
    **{
        f"after-restore:{way.id}": way.then
        for way in questions.WAYS[urgency.WHICH_SIDE]
    },
}


def add(pages: Blueprint, console: Console) -> None:
    """Add the forms that change something."""

    @pages.post("/companies/<int:company_id>/act")
    def of_company(company_id: int) -> Answer:
        return _of_company(console, company_id)

    @pages.post("/companies/<int:company_id>/<what>/act")
    def of_many(company_id: int, what: str) -> Answer:
        return _of_many(console, company_id, what)

    @pages.post("/exchanges/<int:company_id>-<int:number>/act")
    def of_exchange(company_id: int, number: int) -> Answer:
        return _of_exchange(console, company_id, number)

    @pages.post("/jobs/<int:company_id>-<int:number>/act")
    def of_job(company_id: int, number: int) -> Answer:
        return _of_job(console, company_id, number)


def _of_company(console: Console, company_id: int) -> Answer:
    row = console.read(lambda connection: console.company(connection, company_id))
    do, why = request.form.get("do", ""), asking.why()
    if do not in _COMPANY_DO:
        abort(400)
    if not why:
        return pages.company_page(
            console, company_id, notice=asking.WITHOUT_WHY, status=400
        )
    here = f"/support/companies/{company_id}"
    if do in _QUESTIONS and not asking.is_confirmed():
        question = _QUESTIONS[do]
        if do in _AFTER_RESTORE:
            question = f"{_taken(console, company_id)}{question} {questions.LATER}"
        return asking.ask(console, here, row.company, question)
    if do in _AFTER_RESTORE:
        return _after_restore(console, company_id, do, why)
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


def _after_restore(console: Console, company_id: int, do: str, why: str) -> Answer:
    """Take the word on which side is right after a backup was restored."""
    way, who, now = _AFTER_RESTORE[do], console.person.name, console.site.clock()

    def act(connection: Connection) -> None:
        deciding.decide(connection, company_id, way, now=now, who=who, why=why)

    if refused := asking.tried(console, company_id, act):
        return pages.company_page(console, company_id, notice=refused[0], status=409)
    return redirect(f"/support/companies/{company_id}?said=done", 303)


def _taken(console: Console, company_id: int) -> str:
    """Return in words what the restore took, as far as it is known; else nothing."""
    with company_reading(console.site.engine, company_id) as connection:
        told = restored.hours(connection, company_id)
    if told is None:
        return ""
    return f"It took {told.entries} entries, {told.hours} hours: {told.by_person}. "


def _of_many(console: Console, company_id: int, what: str) -> Answer:
    row = console.read(lambda connection: console.company(connection, company_id))
    do, why = request.form.get("do", ""), asking.why()
    if do not in _MANY_DO.get(what, ()):
        abort(400)
    numbers = list(dict.fromkeys(request.form.getlist("number", type=whole)))
    if len(numbers) > _MOST or not all(0 < n <= looking.GREATEST for n in numbers):
        abort(400)
    if not numbers or not why:
        notice = asking.WITHOUT_WHY if numbers else _WITHOUT_ANY
        return pages.list_page(console, company_id, what, notice=notice, status=400)
    here = f"/support/companies/{company_id}/{what}"
    if len(numbers) > MANY and not asking.is_confirmed():
        told = f"{len(numbers)} {what} are {_MANY_DO[what][do]}."
        return asking.ask(console, here, row.company, told)
    act = {"jobs": _jobs, "records": record_acts.many, "exchanges": _exchanges}[what]
    refused = act(console, company_id, numbers, do, why)
    if refused:
        done = len(numbers) - len(refused)
        notice = f"{done} of {len(numbers)} done. {' '.join(refused[:3])}"
        return pages.list_page(console, company_id, what, notice=notice, status=409)
    return redirect(f"{here}?said=done", 303)


def _of_job(console: Console, company_id: int, number: int) -> Answer:
    console.read(lambda db: console.one(db, "jobs", company_id, number))
    do, why = request.form.get("do", ""), asking.why()
    if do not in {*_MANY_DO["jobs"], "found"}:
        abort(400)
    refused = [asking.WITHOUT_WHY]
    if why and do == "found":
        refused = asking.tried(
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


def _of_exchange(console: Console, company_id: int, number: int) -> Answer:
    console.read(lambda db: console.one(db, "exchanges", company_id, number))
    do, why = request.form.get("do", ""), asking.why()
    if do not in _MANY_DO["exchanges"]:
        abort(400)
    refused = [asking.WITHOUT_WHY]
    if why:
        refused = _exchanges(console, company_id, [number], do, why)
    if refused:
        status = 409 if why else 400
        return pages.exchange_page(
            console, company_id, number, notice=refused[0], status=status
        )
    return redirect(f"/support/exchanges/{company_id}-{number}?said=done", 303)


def _exchanges(
    console: Console, company_id: int, numbers: Sequence[int], _: str, why: str
) -> list[str]:
    """Work with answers again, each by itself; return for each that refuses why."""
    site, who = console.site, console.person.name
    done = [
        replays.replay(
            site.engine, company_id, number, now=site.clock(), who=who, why=why
        )
        for number in numbers
    ]
    return [one.why_not for one in done if one.why_not is not None]


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

        refused += asking.tried(console, company_id, act)
    return refused


def _found(
    console: Console, connection: Connection, company_id: int, number: int, why: str
) -> None:
    job = by_hand.find(connection, company_id, number)
    if job is not None:
        txn_id, now = request.form.get("txn_id", ""), console.site.clock()
        by = console.person.name
        by_hand.found(connection, job, txn_id, by=by, now=now, why=why)
