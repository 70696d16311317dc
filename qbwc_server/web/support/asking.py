"""What every act of the console asks for first, and how it is tried.

Rule 1: who acts says why, and both are kept in the audit.
Rule 2: what touches many, or a whole company, is asked about first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import request
from sqlalchemy.engine import Connection
from werkzeug.wrappers import Response as Answer

from qbwc_server.errors import QbwcError
from qbwc_server.storage.database import company_transaction
from qbwc_server.web.support.site import Console

WITHOUT_WHY: Final = "Nothing is done: say why, it is kept in the audit."
_LONGEST_WHY = 500
_SAID: Final = ("do", "why", "number", "mosaic_id", "share")
"""What a form says that may be asked about."""


def why() -> str:
    """Return the reason that a form says; empty for none."""
    return request.form.get("why", "").strip()[:_LONGEST_WHY]


def is_confirmed() -> bool:
    """Tell whether the question was answered with yes."""
    return request.form.get("confirmed") == "yes"


def ask(console: Console, back: str, company: str, question: str) -> Answer:
    """Return the page that asks back; its form says all again, and that it is meant."""
    fields = [(name, value) for name in _SAID for value in request.form.getlist(name)]
    return console.page(
        "confirm",
        back=back,
        action=request.path,
        company=company,
        question=question,
        fields=fields,
    )


def tried(
    console: Console, company_id: int, act: Callable[[Connection], object]
) -> list[str]:
    """Do something in one transaction of a company; return why not, if refused."""
    try:
        with company_transaction(console.site.engine, company_id) as connection:
            act(connection)
    except QbwcError as error:
        return [error.support]
    return []
