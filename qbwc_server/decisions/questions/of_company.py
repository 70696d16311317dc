"""A person's answer to what a whole company waits for: which function takes it.

What is asked, and what each answer means, is in `words.questions`; here each is said to
the function that commands call, which refuses what nobody asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, cast

from sqlalchemy.engine import Connection

from qbwc_server.companies import attention, company_file, registry
from qbwc_server.companies.registry import Company
from qbwc_server.decisions import before_live, company_settings, resync
from qbwc_server.errors import QbwcError
from qbwc_server.quickbooks.restores import deciding
from qbwc_server.storage.database import moved
from qbwc_server.words import questions
from qbwc_server.words.urgency import IN_DOUBT, KEY_MISSING, WHICH_SIDE

if TYPE_CHECKING:
    from qbwc_server.kinds.restored import Way


class NothingAsked(QbwcError):
    """A company does not wait for such a word any more."""

    id: ClassVar[str] = "company-nothing-asked"


def say(
    connection: Connection,
    company_id: int,
    attention_id: str,
    said: str,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
) -> None:
    """Take an answer (`words.questions.WAYS`) to an attention of a company.

    Raises:
        NothingAsked: that is not asked, or there is no such answer.
        NotAllKnown: hours are to be left in Mosaic of which not all are known yet.
    """
    way = questions.way(attention_id, said)
    company = registry.get(connection, company_id)
    if way is None or not _is_asked(connection, company, attention_id):
        raise NothingAsked("This is not asked any more, or was answered already.")
    if attention_id == WHICH_SIDE:
        side = cast("Way", way.id)
        deciding.decide(connection, company_id, side, now=now, who=who, why=why)
    elif attention_id == questions.BEFORE_LIVE:
        add = way.id == questions.ADD
        before_live.say(connection, company, add=add, by=who, why=why, now=now)
    elif attention_id == questions.MOVED:
        take_moved_file(connection, company_id, now=now, who=who, why=why)
    elif way.id == "deleted":
        company_settings.accept_deletions(
            connection, company_id, now=now, who=who, why=why
        )
    else:
        resync.company(connection, company_id, now=now, who=who, why=why)


def _is_asked(connection: Connection, company: Company, attention_id: str) -> bool:
    if attention_id == questions.BEFORE_LIVE:
        return before_live.is_asked(connection, company)
    return is_answerable(company, attention_id) and attention.stands(
        connection, company.id, attention_id
    )


def is_answerable(company: Company, attention_id: str) -> bool:
    """Tell whether there is an answer to an attention of a company where it stands."""
    if attention_id == questions.MOVED:
        return company_file.is_asked(company) is not None
    return attention_id in questions.WAYS


def asked(connection: Connection, company: Company) -> int:
    """Return how much is asked of a customer about the connection itself."""
    standing = {one.reason for one in attention.standing(connection, company.id)}
    found = {
        one
        for one in standing
        if is_answerable(company, one) or one in {IN_DOUBT, *questions.KEY}
    }
    if company.mosaic_key is None:
        found.add(KEY_MISSING)
    return len(found) + before_live.is_asked(connection, company)


def take_moved_file(
    connection: Connection,
    company_id: int,
    *,
    now: datetime,
    who: str,
    why: str | None = None,
) -> None:
    """Take the file that was open last for the one of a company: name and place.

    It carried the company's FileID, or it would not have been asked about.

    Raises:
        NothingAsked: no such file was open.
    """
    company = registry.get(connection, company_id)
    host, seen = dict(company.host or {}), company_file.is_asked(company)
    host.pop(company_file.MOVED_OR_COPIED, None)
    if seen is None:
        raise NothingAsked("No company file with another name and place was open.")
    registry.change(
        connection,
        company_id,
        file_name=seen["name"],
        file_path=seen["path"],
        host=host,
        next_read_at=now,
    )
    moved(connection, company_id)
    attention.over(connection, company_id, questions.MOVED, now=now)
    what = f"company file moved: {seen['name']}, {seen['path']}"
    detail = {"before": [company.file_name, company.file_path]}
    registry.audit(
        connection, company_id, now, who=who, what=what, why=why, detail=detail
    )
