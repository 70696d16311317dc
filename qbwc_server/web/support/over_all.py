"""Pages over all companies: what waits, and what somebody has in hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from flask import Blueprint, Response, abort, request
from sqlalchemy.engine import Connection

from qbwc_server.support import console as looking
from qbwc_server.support import open_work
from qbwc_server.support import search as finding
from qbwc_server.support.open_work import Asked, Key
from qbwc_server.support.views import MOST
from qbwc_server.web.support.addresses import MOST_TEXT, key_of
from qbwc_server.web.support.site import Console

_OPEN: Final = {
    "ours": "All that support must act on",
    "conflicts": "Conflicts",
    "failed": "Failed jobs",
    "unread": "Unread answers",
    "doubtful": "Writes of which nobody knows whether they were done",
    "stuck": "Stuck for longer than",
}
_YEAR: Final = 366 * 24 * 60


def add(pages: Blueprint, console: Console) -> None:
    """Add the pages."""

    @pages.get("/search")
    def search() -> Response:
        text = request.args.get("find", "").strip()[:MOST_TEXT]
        found = console.read(lambda db: finding.search(db, text)) if text else {}
        return console.page("search", find=text, found=found)

    @pages.get("/open")
    def open_() -> Response:
        return _open(console)


def _open(console: Console) -> Response:
    """Return what waits in all companies, one kind of it."""
    which = request.args.get("which", "ours")
    if which not in open_work.LISTS:
        abort(404)
    minutes = key_of("longer") or int(open_work.LONG.total_seconds()) // 60
    longest = timedelta(minutes=min(minutes, _YEAR))
    asked, after = Asked(which, console.site.clock(), longest), _after()

    def look(connection: Connection) -> dict[str, Any]:
        found = open_work.look(connection, asked, limit=looking.PAGE + 1, after=after)
        if len(found) <= looking.PAGE:
            return {"found": found, "more": 0}
        last = found[looking.PAGE - 1].key
        more = open_work.left(connection, asked, Key.read(last))
        return {"found": found[: looking.PAGE], "more": more, "following": last}

    return console.page(
        "open",
        which=which,
        longer=minutes,
        every=_OPEN,
        most=MOST,
        **console.read(look),
    )


def _after() -> Key | None:
    """Return where the page goes on; a strange value is none."""
    try:
        return Key.read(request.args.get("after", ""))
    except ValueError:
        return None
