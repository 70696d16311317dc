"""What the support console shows: companies, and what each has, down to its qbXML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, abort, request
from sqlalchemy.engine import Connection, Row

from qbwc_server.kinds import conflict
from qbwc_server.support import console as looking
from qbwc_server.support import finding
from qbwc_server.support.console import Filter
from qbwc_server.support.tables import NotThere
from qbwc_server.web.support import addresses, sides
from qbwc_server.web.support.addresses import key_of
from qbwc_server.web.support.marks import Marked, coded, marked, part_of
from qbwc_server.web.support.sides import plain
from qbwc_server.web.support.site import Console
from qbwc_server.words.history import told
from qbwc_server.words.urgency import RESTORED, STOPPING

LISTS: Final = {
    "records": "Records",
    "jobs": "Jobs",
    "sessions": "Runs",
    "exchanges": "Messages",
    "calls": "Writes to Mosaic",
    "audit": "Audit",
}
"""What a company has, in the order of its tabs."""
WHO: Final = ("support", "customer", "nobody")
_DETAILS: Final = {
    "sessions": ("started_at", "last_call_at", "ended_at", "ended_why", "percent"),
    "exchanges": ("sent_at", "answered_at", "applied_at", "failed_at", "purpose"),
    "jobs": ("kind", "action", "attempt", "max_attempts", "created_at", "run_at"),
    "calls": ("operation", "data_type", "mosaic_id", "ref", "api_request_id"),
    "records": ("kind", "day", "quickbooks_id", "edit_sequence", "time_modified"),
}
_MORE: Final = {
    "sessions": ("done", "file_path", "peer"),
    "exchanges": ("message_set_id", "hresult", "message"),
    "jobs": ("sent_at", "finished_at", "record_name", "quickbooks_id", "mosaic_id"),
    "calls": ("created_at", "check_at", "settled_at", "looks"),
    "records": (
        *("external_guid", "mosaic_type", "mosaic_id", "quickbooks_gone"),
        *("mosaic_gone", "parent_id", "waits_for", "choice", "due_at", "attempt"),
        "created_at",
    ),
}
_OF_COMPANY: Final = (
    *("mode", "last_seen_at", "last_session_at", "next_read_at", "late_since"),
    *("wrong_password_at", "username", "file_name", "file_path", "mosaic_url"),
    *("mosaic_team", "mosaic_key", "structure", "two_way", "policy", "poll_every"),
    *("read_every", "closing_date", "owner_id", "file_id", "created_at"),
)
_FLAGS: Final = {"two_way", "quickbooks_gone", "mosaic_gone", "writes"}
_IN_ORDER = 100


_REFERENCES: Final = {
    "records": "record",
    "jobs": "job",
    "sessions": "session",
    "exchanges": "exchange",
    "calls": "call",
}
"""The column that names a thing as commands take it."""


def add(pages: Blueprint, console: Console) -> None:
    """Add the pages that show something."""
    pages.context_processor(_known)
    pages.add_app_template_filter(coded)

    @pages.get("")
    def companies() -> Response:
        wanted = _filter(looking.COMPANY_STATES)
        after = key_of("after") or 0
        found = console.read(
            lambda connection: looking.companies(connection, wanted, after)
        )
        return console.page(
            "companies",
            found=found,
            wanted=wanted,
            states=looking.COMPANY_STATES,
            everybody=WHO,
        )

    @pages.get("/companies/<int:company_id>")
    def company(company_id: int) -> Response:
        return company_page(console, company_id)

    @pages.get("/companies/<int:company_id>/<what>")
    def listed(company_id: int, what: str) -> Response:
        return list_page(console, company_id, what)

    @pages.get("/records/<int:company_id>-<int:number>")
    def record(company_id: int, number: int) -> Response:
        return record_page(console, company_id, number)

    @pages.get("/jobs/<int:company_id>-<int:number>")
    def job(company_id: int, number: int) -> Response:
        return job_page(console, company_id, number)

    @pages.get("/sessions/<int:company_id>-<int:number>")
    def session(company_id: int, number: int) -> Response:
        return _session(console, company_id, number)

    @pages.get("/exchanges/<int:company_id>-<int:number>")
    def exchange(company_id: int, number: int) -> Response:
        return exchange_page(console, company_id, number)

    @pages.get("/calls/<int:company_id>-<int:number>")
    def call(company_id: int, number: int) -> Response:
        row = console.read(lambda db: console.one(db, "calls", company_id, number))
        return console.page("call", of="calls", row=row, facts=_facts("calls", row))


def _known() -> dict[str, object]:
    """Return what all templates of the console know."""
    return {
        "plain": plain,
        "in_words": told,
        "STOPPING": STOPPING,
        "RESTORED": RESTORED,
        "references": _REFERENCES,
        "numbers": looking.NUMBERS,
        "said_done": lambda: request.args.get("said") == "done",
    }


def company_page(
    console: Console, company_id: int, *, notice: str = "", status: int = 200
) -> Response:
    """Return where a company stands; `notice` is why something was refused."""

    def look(connection: Connection) -> dict[str, Any]:
        return {
            "company": console.company(connection, company_id),
            "hindered_by": looking.attentions(connection, company_id),
            "counts": looking.counts(connection, company_id),
            "runs": looking.listed(connection, "sessions", company_id, Filter()).rows,
            "done": looking.listed(connection, "audit", company_id, Filter()).rows,
        }

    told = console.read(look)
    row = told["company"]
    return console.page(
        "company",
        status=status,
        notice=notice,
        facts=[
            *_told(row, _OF_COMPANY),
            *_told(row.host or {}, sorted(row.host or {})),
        ],
        lists=LISTS,
        most=looking.MOST,
        **told,
    )


def list_page(
    console: Console,
    company_id: int,
    what: str,
    *,
    notice: str = "",
    status: int = 200,
) -> Response:
    """Return a list of a company, filtered, a page at a time.

    What cannot be looked for is said in place of what would be found.
    """
    if what not in LISTS:
        abort(404)
    states = looking.STATES.get(what, ())
    wanted = replace(_filter(states), **addresses.only_of(what))
    before, days, now = key_of("before"), addresses.days(), console.site.clock()

    def look(connection: Connection) -> dict[str, Any]:
        company = console.company(connection, company_id)
        offset = finding.offset_minutes(connection, company_id) or 0
        told = {"company": company, "status": status, "notice": notice}
        try:
            spanned = replace(wanted, **addresses.span(what, days, offset, now))
            found = looking.listed(connection, what, company_id, spanned, before)
        except NotThere as error:
            nothing = looking.Page((), None)
            return told | {"found": nothing, "status": 400, "notice": str(error)}
        return told | {"found": found}

    return console.page(
        "audit" if what == "audit" else "list",
        what=what,
        lists=LISTS,
        states=states,
        kinds=looking.RECORD_KINDS if what in {"records", "jobs"} else (),
        wanted=wanted,
        days=days,
        **console.read(look),
    )


def record_page(
    console: Console,
    company_id: int,
    number: int,
    *,
    notice: str = "",
    status: int = 200,
) -> Response:
    """Return a record: why it stands there, both sides, its history and its work."""

    def look(connection: Connection) -> dict[str, Any]:
        row = console.one(connection, "records", company_id, number)
        own = (company_id, "record_id", number)
        return {
            "row": row,
            "history": looking.of(connection, "history", *own, limit=_IN_ORDER),
            "jobs": looking.of(connection, "jobs", *own).rows,
            "calls": looking.of(connection, "calls", *own).rows,
            "names": looking.names(connection, company_id, *sides.references(row)),
            "decided": looking.decided(connection, company_id, number),
        }

    told = console.read(look)
    row, names = told["row"], told["names"]
    return console.page(
        "record",
        of="records",
        status=status,
        notice=notice,
        facts=_facts("records", row),
        sides=sides.sides(row, names),
        conflict=sides.conflict(row, names),
        shown=conflict.mark(row.conflict),
        of_links=conflict.is_of_links(conflict.asked(row.conflict)),
        is_listed=row.kind != "time_entry",
        **told,
    )


def job_page(
    console: Console,
    company_id: int,
    number: int,
    *,
    notice: str = "",
    status: int = 200,
) -> Response:
    """Return a job with its history, and its part of what was sent and answered."""

    def look(connection: Connection) -> dict[str, Any]:
        row = console.one(connection, "jobs", company_id, number)
        steps = looking.of(
            connection, "steps", company_id, "job_id", number, limit=_IN_ORDER
        )
        sent = row.exchange_id and looking.one(
            connection, "exchanges", company_id, row.exchange_id
        )
        decided = looking.decided(connection, company_id, number)
        return {"row": row, "steps": steps, "sent": sent or None, "decided": decided}

    told = console.read(look)
    sent = told["sent"]
    parts = [
        part_of(text or "", number)
        for text in ((sent.request, sent.answer) if sent else ())
    ]
    return console.page(
        "job",
        of="jobs",
        status=status,
        notice=notice,
        facts=_facts("jobs", told["row"]),
        messages=_messages(*parts) if any(parts) else [],
        may_be_retried=told["row"].state == "failed",
        may_be_cancelled=told["row"].state in {"waiting", "ready", "failed"},
        may_be_in_doubt=told["row"].action == "add"
        and told["row"].state in {"unsure", "failed"},
        **told,
    )


def _session(console: Console, company_id: int, number: int) -> Response:
    after = key_of("after") or 0

    def look(connection: Connection) -> dict[str, Any]:
        row = console.one(connection, "sessions", company_id, number)
        own = (company_id, "session_id", number)
        found = looking.of(connection, "exchanges", *own, after=after, limit=_IN_ORDER)
        return {"row": row, "found": found}

    told = console.read(look)
    facts = _facts("sessions", told["row"])
    return console.page("session", of="sessions", facts=facts, **told)


def exchange_page(
    console: Console,
    company_id: int,
    number: int,
    *,
    notice: str = "",
    status: int = 200,
) -> Response:
    """Return a message, its answer and its jobs; `notice` is why it was refused."""

    def look(connection: Connection) -> dict[str, Any]:
        row = console.one(connection, "exchanges", company_id, number)
        jobs = looking.of(connection, "jobs", company_id, "exchange_id", number)
        decided = looking.decided(connection, company_id, number)
        return {"row": row, "jobs": jobs.rows, "decided": decided}

    told = console.read(look)
    row = told["row"]
    return console.page(
        "exchange",
        of="exchanges",
        status=status,
        notice=notice,
        messages=_messages(row.request, row.answer),
        facts=_facts("exchanges", row),
        **told,
    )


def _messages(
    request_: str | None, answer: str | None
) -> list[tuple[str, str, Marked]]:
    """Return what was sent and answered, marked; a part unless all is asked for."""
    whole = request.args.get("all", "")
    return [
        (name, title, marked(text, whole=whole == name))
        for name, title, text in (
            ("request", "Sent to QuickBooks", request_),
            ("answer", "Answered", answer),
        )
        if text
    ]


def _filter(states: Sequence[str]) -> Filter:
    """Return what the address asks for; 404 ends a request for what is not there."""
    state, kind = request.args.get("state", ""), request.args.get("kind", "")
    who = request.args.get("who", "")
    for value, known in (
        (state, states),
        (kind, looking.RECORD_KINDS),
        (who, WHO),
    ):
        if value and value not in known:
            abort(404)
    return Filter(state, kind, who, addresses.text("text"))


def _facts(what: str, row: Row[Any]) -> list[tuple[str, object]]:
    return _told(row, (*_DETAILS[what], *_MORE[what]))


def _told(
    row: Row[Any] | Mapping[str, Any], names: Sequence[str]
) -> list[tuple[str, object]]:
    """Return names for people with their values; what is empty is left out."""
    values = row if isinstance(row, Mapping) else row._asdict()
    return [
        (name.replace("_", " "), _shown(name, values[name]))
        for name in names
        if values[name] not in (None, "")
    ]


def _shown(name: str, value: Any) -> object:
    if name in _FLAGS:
        return "yes" if value else "no"
    return value if isinstance(value, datetime) else plain(value)
