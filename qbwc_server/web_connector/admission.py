"""The calls before there is a session: our version, theirs, and who may come in.

Rule: no session begins while another one is alive, where nothing is to be done, or
where what QuickBooks would answer cannot be kept. `peer` is the caller's address.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Connection, Engine

from qbwc_server import __version__, logs
from qbwc_server.companies import logins, registry, sessions, silence
from qbwc_server.companies.registry import Company
from qbwc_server.jobs import claiming
from qbwc_server.keys import Keys
from qbwc_server.quickbooks import left_sessions, list_requests
from qbwc_server.settings import Settings
from qbwc_server.storage import which_copy
from qbwc_server.storage.database import NOT_USABLE, company_transaction
from qbwc_server.storage.room import disk_of_embedded
from qbwc_server.web_connector.idle_polls import Idle

_LOG = structlog.get_logger(__name__)
LONGEST_REST_MINUTES = 15
_ANSWERS = 2
"""So many of the longest answers must fit onto the disk before any is asked for."""


class Admission:
    """Lets the Web Connectors of one server process in, or says why not."""

    def __init__(
        self,
        engine: Engine,
        keys: Keys,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self._idle = Idle(engine, keys)

    def server_version(self) -> str:
        """Return our name and version; Web Connector shows it to the user."""
        return f"qbwc-server {__version__}"

    def is_new_enough(self, version: str) -> bool:
        """Tell of a Web Connector's version whether it surely may connect."""
        found = _numbers(version)
        oldest = _numbers(self._settings.minimum_web_connector)
        return found is not None and found >= (oldest or ())

    def client_version(self, version: str, peer: str = "") -> str:
        """Return "" to go on, or "O:" and the oldest version that may connect.

        Never "W:", whose dialog would wait for a person in an unattended run.
        Unreadable versions are let through: they jumped from 2.3 to 34.0 before.
        """
        found = _numbers(version)
        if found is None:
            unreadable = "unreadable Web Connector version"
            logs.seldom(_LOG.warning, unreadable, version=version[:40], peer=peer)
            return ""
        if self.is_new_enough(version):
            return ""
        oldest = self._settings.minimum_web_connector
        try:
            logins.note_too_old(self._engine, self._keys, peer, self._clock())
        except NOT_USABLE:
            unnoted = "too old a Web Connector not noted"
            logs.seldom(_LOG.warning, unnoted, peer=peer)
        return f"O:{oldest}"

    def authenticate(self, username: str, password: str, peer: str) -> list[str]:
        """Return [ticket, status or company file, postpone, minimum interval].

        The interval is in seconds. `peer` is the caller's network address.
        """
        now = self._clock()
        idle = self._idle.still(username, password, peer=peer, now=now)
        if idle is not None:
            return _nothing_until(idle)
        company = logins.check(
            self._engine, self._keys, username, password, peer=peer, now=now
        )
        if company is None:
            told = {"username": username[:60], "peer": peer}
            logs.seldom(_LOG.warning, "login refused", **told)
            return ["", "nvu", "", ""]
        logs.about(company=company.id)
        which_copy.look(self._engine)
        left_sessions.finish_left_over(
            self._engine, self._settings, company.id, peer, now
        )
        interval = str(company.poll_every * 60)
        with company_transaction(self._engine, company.id) as connection:
            company = registry.get(connection, company.id)
            registry.change(connection, company.id, last_seen_at=now)
            silence.heard(connection, company, now)
            if company.mode == "paused" or _must_rest(company, now):
                return ["", "none", "", interval]
            live = sessions.live(connection, company.id)
            if live is not None or not self._has_room(company.id):
                return ["", "busy", "", ""]
            list_requests.schedule(connection, company, now)
            list_requests.ask_before_writing(connection, company, now)
            if not self._has_work(connection, company.id, now):
                self._idle.remember(company, username, password)
                return ["", "none", "", interval]
            path = company.file_path or ""
            ticket = sessions.begin(
                connection, self._keys, company.id, now=now, file_path=path, peer=peer
            )
            registry.change(connection, company.id, last_session_at=now)
        return [ticket, path, "", ""]

    async def authenticate_idle(
        self, username: str, password: str, peer: str
    ) -> list[str] | None:
        """Return the same for a company that has nothing to do, and wait in no thread.

        None: `authenticate` is to be asked.
        """
        idle = await self._idle.still_at_once(
            username, password, peer=peer, now=self._clock()
        )
        return None if idle is None else _nothing_until(idle)

    def close(self) -> None:
        """Close what it keeps open to the database for that."""
        self._idle.close()

    def _has_room(self, company_id: int) -> bool:
        """Tell whether what QuickBooks would answer can be kept."""
        free = disk_of_embedded(self._engine)
        enough = free is None or free >= _ANSWERS * self._settings.max_body_bytes
        if not enough:
            _LOG.error("no room for answers", company=company_id, free=free)
        return enough

    def _has_work(self, connection: Connection, company_id: int, now: datetime) -> bool:
        """Tell whether QuickBooks is to be opened.

        Writes alone are no reason: where they may go, something is asked before them.
        """
        return (
            claiming.ready_by(connection, company_id, now, writes=False) > 0
            or len(claiming.unsure(connection, company_id)) > 0
        )


def _nothing_until(minutes: int) -> list[str]:
    """Return that there is nothing to do, and when to call again."""
    return ["", "none", "", str(minutes * 60)]


def _must_rest(company: Company, now: datetime) -> bool:
    # One that lies further ahead than any was set by a clock that was wrong.
    longest = timedelta(minutes=LONGEST_REST_MINUTES)
    after = company.open_after
    return after is not None and now < after <= now + longest


def rest_after(failures: int) -> timedelta:
    """Return how long QuickBooks is left alone after it could not be opened.

    The first time not at all, because a dialog is soon closed; then 2, 4, 8 minutes
    and so on, so that a computer whose QuickBooks is closed at night is not kept busy.
    """
    minutes = 0 if failures < 2 else min(2 ** (failures - 1), LONGEST_REST_MINUTES)
    return timedelta(minutes=minutes)


def _numbers(version: str) -> tuple[int, ...] | None:
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        return None
