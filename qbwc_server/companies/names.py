"""What a new company is called: as it is kept, looks in Web Connector, and logs in.

Web Connector lists connections by AppName, which has the company's name in it. Two that
look the same there cannot be told apart by whoever types a password into one of them.
"""

from __future__ import annotations

import itertools
import unicodedata
import uuid
from typing import ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from qbwc_server.errors import QbwcError
from qbwc_server.storage import tables
from qbwc_server.words import qwc

_TABLE = tables.company
_SLUG: Final = 20


class CompanyExists(QbwcError):
    """Another company has that name already, or one that looks the same."""

    id: ClassVar[str] = "company-exists"


class CompanyNameBlank(QbwcError):
    """A company was given a name in which nothing can be seen."""

    id: ClassVar[str] = "company-name-blank"


def called(name: str) -> str:
    """Return a name as it is kept: no blanks around it, and one between words."""
    return unicodedata.normalize("NFC", " ".join(name.split()))


def user_name(connection: Connection, name: str) -> str:
    """Return a user name for a company to be made: ASCII, and nobody else's.

    In an operator's transaction, which sees all companies.

    Raises:
        CompanyNameBlank: nothing of the company's name can be seen.
        CompanyExists: its AppName would look like another company's.
    """
    looks = _looks(name)
    if not looks:
        raise CompanyNameBlank(f"Nothing can be seen of the name {name!r}.")
    known = connection.execute(sa.select(_TABLE.c.name, _TABLE.c.username)).all()
    for one in known:
        if _looks(one.name) == looks:
            raise CompanyExists(f"There is a company named {one.name!r} already.")
    taken = {one.username for one in known}
    slug = qwc.in_ascii(name).lower()[:_SLUG].strip("-") or "company"
    made = (f"{slug}-{uuid.uuid4().hex[:6]}" for _ in itertools.count())
    return next(one for one in made if one not in taken)


def _looks(name: str) -> str:
    """Return what is the same for names that look the same in a list."""
    return unicodedata.normalize("NFC", qwc.plain(name)).casefold()
