"""docs/errors.md, written from the table; a test keeps the file equal."""

from __future__ import annotations

from collections.abc import Iterable

from qbwc_server.words import attentions, hours, quickbooks, states
from qbwc_server.words.web_connector import LOCKED, QWC_CODES
from qbwc_server.words.wording import Words

_HEAD = """# What can go wrong, and what to do

Written from `qbwc_server/words` by `make errors`; do not change it by hand. What
happened and what to do are the two sentences that Web Connector shows; the rest is what
the page adds. Menu paths are those of QuickBooks Desktop.
"""


def markdown() -> str:
    """Return the whole document."""
    sections: tuple[tuple[str, str, Iterable[Words]], ...] = (
        (
            "Codes of Web Connector",
            "In its Status column and in QWCLog.txt.",
            (*QWC_CODES.values(), LOCKED),
        ),
        (
            "QuickBooks takes no call",
            (
                "HRESULTs, which arrive when QuickBooks or the company file could "
                "not be reached."
            ),
            quickbooks.every_hresult(),
        ),
        (
            "QuickBooks refuses one request",
            "The `statusCode` of a single answer; the others of its set go on.",
            quickbooks.every_status(),
        ),
        (
            "Attentions and errors",
            (
                "The id stands beside a company's attention (`qbwc-server company "
                "show`) and behind errors of commands."
            ),
            attentions.every(),
        ),
        (
            "States",
            (
                "Of records, pieces of work, runs, requests, changes in Mosaic, "
                "and connections."
            ),
            states.every(),
        ),
        (
            "Hours that differ",
            (
                "Why both sides have other hours: `qbwc-server hours`, and the view "
                "`support_hours`."
            ),
            hours.every(),
        ),
    )
    return _HEAD + "".join(_section(*one) for one in sections)


def _section(title: str, about: str, rows: Iterable[Words]) -> str:
    lines = [
        f"\n## {title}\n\n{about}\n",
        "| id | what happened | what to do | more | menu |",
        "|---|---|---|---|---|",
    ]
    lines += [_line(one) for one in rows]
    return "\n".join(lines) + "\n"


def _line(one: Words) -> str:
    more = one.page.removeprefix(one.said).strip()
    cells = (f"`{one.id}`", one.happened, one.do, more, one.menu)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
