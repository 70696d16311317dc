"""Whether the database is an earlier moment of what it was, noticed by the program.

A standby that takes over without the last commits, a restore to a moment, a dump that
is loaded, a snapshot: each knows less than QuickBooks and Mosaic have, and would make
that anew. PostgreSQL says which installation it is (system identifier), on which of its
histories (timeline: a standby that takes over and a restore to a moment begin another)
and which database of it (oid). That is noted in the database itself, so every copy says
where it was taken. A snapshot says the same of all three: there fewer beats of our
processes are written than a process remembers.

A standby for which every commit waited lost nothing, and is no copy: that is believed
where a process saw it so and lives through the change, with no beat of its own gone.

What is noticed begins an epoch. A company that was not compared with both sides in it
is not written (`database.company_transaction`).

Rule: noticed is before anything is written. A connection is looked at when it is made;
who talks through a pooler, whose connections outlive a failover, looks again at each
session, pass and beat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import astuple, dataclass, replace
from typing import Any, ClassVar, Final
from weakref import WeakKeyDictionary

import psycopg
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Dialect, Engine

from qbwc_server import logs
from qbwc_server.errors import QbwcError
from qbwc_server.storage.walls import failed

_LOG = structlog.get_logger(__name__)
_ASKED: Final = """
SELECT (pg_control_system()).system_identifier::text,
    substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8),
    (SELECT d.oid::text FROM pg_database d WHERE d.datname = current_database()),
    m.installation, m.timeline, m.database, m.epoch, m.beats,
    coalesce(clock_timestamp() < m.handover_until, FALSE),
    current_setting('synchronous_standby_names'), current_setting('synchronous_commit'),
    (SELECT count(*) FROM pg_stat_replication)
FROM database_mark m WHERE NOT pg_is_in_recovery()
"""
_NOTED: Final = """
UPDATE database_mark SET installation = %s, timeline = %s, database = %s,
    epoch = epoch + %s, noticed_at = CASE WHEN %s > 0 THEN clock_timestamp()
        ELSE noticed_at END, noticed = coalesce(%s, noticed), handover_until = NULL
WHERE epoch = %s AND (installation, timeline, database) = (%s, %s, %s) RETURNING epoch
"""
_HOW_MANY: Final = re.compile(r"\s*(?:FIRST\s+|ANY\s+)?(\d+)\s*\(", re.IGNORECASE)
_BEATEN: Final = "UPDATE database_mark SET beats = beats + 1 RETURNING epoch, beats"
_NO_MARK: Final = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)
_NOT_TOLD: Final = (
    *(psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction),
    psycopg.errors.FeatureNotSupported,
)
"""Some who offer PostgreSQL do not tell where it is."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is; all of it is unknown until it was noted once."""

    installation: str
    timeline: str
    database: str


@dataclass(frozen=True, slots=True)
class Mark:
    """What a database says of itself: where it was noted last, and how far it is."""

    place: Place
    epoch: int
    beats: int
    is_handed_over: bool = False
    """Whether an operator has just said that it is handed over, with nothing lost."""


@dataclass(slots=True)
class _Remembered:
    """What a process knows of the database that it last talked to."""

    epoch: int = -1
    beats: int = 0
    is_waited_for: bool = False
    """Whether each commit waited for every standby."""

    def see(self, epoch: int, beats: int) -> None:
        """Remember what was read: of one epoch the most, whichever thread read it."""
        if epoch != self.epoch:
            self.epoch, self.beats = epoch, beats
        self.beats = max(self.beats, beats)


_OF_ENGINE: Final[WeakKeyDictionary[Dialect, _Remembered]] = WeakKeyDictionary()
_COMPARED: Final[WeakKeyDictionary[Dialect, Callable[[int], None]]] = (
    WeakKeyDictionary()
)
_ANY_COPY: Final[ContextVar[bool]] = ContextVar("any_copy", default=False)
_MARK: Final = sa.table(
    "database_mark", sa.column("epoch"), sa.column("handover_until")
)
_SEQUENCE: Final = sa.table(
    "company_sequence", sa.column("company_id"), sa.column("epoch")
)


class OlderCopy(QbwcError):
    """A company was to be written, and was not compared since the database went back.

    That is begun with this error, and the same may be done again later.
    """

    id: ClassVar[str] = "older-copy"

    def __init__(self, company_id: int) -> None:
        super().__init__(
            "The database is an older copy of itself (a restore, or a standby that "
            "took over), so this company compares both sides before it writes. Please "
            "do it again."
        )
        self.company_id = company_id


def waits_for_all(names: str, commit: str, standbys: int) -> bool:
    """Tell whether a commit waits until every standby has written it down.

    `names` and `commit` are PostgreSQL's synchronous_standby_names and
    synchronous_commit, `standbys` how many are connected to it. Of the names only how
    many of them are waited for counts: one, where no number is said.
    """
    if not names.strip() or commit not in {"on", "remote_apply"}:
        return False
    said = _HOW_MANY.match(names)
    return standbys <= (int(said[1]) if said else 1)


def difference(
    now: Place, noted: Mark, *, epoch: int, beats: int, is_waited_for: bool = False
) -> str | None:
    """Return in words why a database is not what it was, None if it is.

    `epoch` and `beats` are what a process remembers of it, and whether it saw that
    every standby was waited for.
    """
    was = noted.place
    if not was.installation or noted.is_handed_over:
        return None
    if now.installation != was.installation:
        return "another installation of PostgreSQL"
    if now.database != was.database:
        return "another database of the installation"
    if now.timeline != was.timeline and not is_waited_for:
        return f"timeline {int(was.timeline, 16)} became {int(now.timeline, 16)}"
    if (noted.epoch, noted.beats) < (epoch, beats):
        return "beats of our processes are gone that were written"
    return None


def listen(engine: Engine) -> None:
    """Look at each connection of an engine of PostgreSQL when it is made."""
    remembered = _OF_ENGINE.setdefault(engine.dialect, _Remembered())

    def made(raw: psycopg.Connection[Any], _record: object) -> None:
        _look(raw, remembered)

    sa.event.listen(engine, "connect", made)


def look(engine: Engine) -> None:
    """Look again whether the database is what it was."""
    remembered = _OF_ENGINE.get(engine.dialect)
    if remembered is None:
        return
    with _raw(engine, _ASKED) as raw:
        _look(raw, remembered)


def beat(engine: Engine) -> None:
    """Look again, count that a process is there, and remember that."""
    remembered = _OF_ENGINE.get(engine.dialect)
    if remembered is None:
        return
    with _raw(engine, _BEATEN) as raw:
        if not _look(raw, remembered):
            return
        row = raw.execute(_BEATEN).fetchone()
        raw.commit()
        if row is not None:
            remembered.see(*row)


@contextmanager
def _raw(engine: Engine, text: str) -> Iterator[psycopg.Connection[Any]]:
    """Yield the driver's connection; what goes wrong on it is as of any statement."""
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        try:
            yield raw
        except psycopg.Error as error:
            raise failed(connection, text, error) from error


def _look(raw: psycopg.Connection[Any], remembered: _Remembered) -> bool:
    """Notice an earlier moment; the connection is left without a transaction.

    False if that cannot be done here.
    """
    # Before it is asked: another thread may beat meanwhile.
    was = replace(remembered)
    try:
        row = raw.execute(_ASKED).fetchone()
    except _NO_MARK:
        # The schema is older than this, or not there yet.
        raw.rollback()
        return False
    except _NOT_TOLD:
        raw.rollback()
        logs.seldom(_LOG.warning, "an older copy of the database is not noticed")
        return False
    if row is None:
        raw.commit()
        return False
    noted = Mark(Place(*row[3:6]), *row[6:9])
    epoch = _compare(raw, Place(*row[:3]), noted, was)
    # First of all it is written: another thread goes by what is remembered.
    raw.commit()
    remembered.see(epoch, noted.beats)
    remembered.is_waited_for = waits_for_all(*row[9:])
    return True


def _compare(
    raw: psycopg.Connection[Any], here: Place, noted: Mark, was: _Remembered
) -> int:
    """Note where the database is now; return its epoch, which may have begun here."""
    known = {"epoch": was.epoch, "beats": was.beats}
    why = difference(here, noted, **known, is_waited_for=was.is_waited_for)
    if why is None and here == noted.place:
        return noted.epoch
    more = 0 if why is None else 1
    found = raw.execute(
        _NOTED, (*astuple(here), more, more, why, noted.epoch, *astuple(noted.place))
    ).fetchone()
    if found is None:
        # Somebody else has noted it at the same moment.
        return noted.epoch
    if why is not None:
        _LOG.error("the database is an older copy", why=why, epoch=found[0])
    return int(found[0])


@contextmanager
def comparing(engine: Engine, company_id: int | None) -> Iterator[None]:
    """Have a company be compared with both sides where it was refused for that."""
    try:
        yield
    except OlderCopy as error:
        compare = _COMPARED.get(engine.dialect)
        if compare is not None and error.company_id == company_id:
            with any_copy():
                compare(error.company_id)
        raise


def refuse(company_id: int) -> None:
    """Refuse a company that was not compared in this epoch, unless that is being done.

    Raises:
        OlderCopy: `comparing` begins it.
    """
    if not _ANY_COPY.get():
        raise OlderCopy(company_id)


def when_older(engine: Engine, compare: Callable[[int], None]) -> None:
    """Have `compare` be called with each company that an older copy was to write.

    It may write, and ends with `is_compared`.
    """
    _COMPARED[engine.dialect] = compare


def hand_over(engine: Engine, minutes: int) -> None:
    """Note that PostgreSQL is about to be handed over with nothing lost.

    The next place at which it is found within so many minutes is then no copy.
    """
    until = sa.func.clock_timestamp() + sa.text(f"INTERVAL '{int(minutes)} minutes'")
    with engine.begin() as connection:
        connection.execute(sa.update(_MARK).values(handover_until=until))


def is_older(connection: Connection, company_id: int) -> bool:
    """Tell whether a company was not compared in this epoch."""
    mark = sa.select(_MARK.c.epoch).scalar_subquery()
    of_company = _SEQUENCE.c.company_id == company_id
    found = connection.execute(sa.select(_SEQUENCE.c.epoch < mark).where(of_company))
    return bool(found.scalar())


def is_compared(connection: Connection, company_id: int) -> None:
    """Note that a company compares both sides before it makes anything on either."""
    mark = sa.func.coalesce(sa.select(_MARK.c.epoch).scalar_subquery(), 0)
    of_company = _SEQUENCE.c.company_id == company_id
    connection.execute(sa.update(_SEQUENCE).where(of_company).values(epoch=mark))


@contextmanager
def any_copy() -> Iterator[None]:
    """Let companies be written that were not compared: that is what is done."""
    token = _ANY_COPY.set(True)
    try:
        yield
    finally:
        _ANY_COPY.reset(token)
