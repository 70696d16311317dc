"""Finds out what became of writes to Mosaic: callbacks, the request log, a look.

A callback that answers none of our writes tells that somebody changed a time entry in
Mosaic. Nobody signs it, so it only says what is worth asking for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from qbwc_server.delivery import came_late, list_calls, outbox, time_calls
from qbwc_server.delivery.rate_budget import Budget
from qbwc_server.delivery.sending import Step, done
from qbwc_server.kinds import identity, time_entry
from qbwc_server.kinds.mosaic_lists import TYPES
from qbwc_server.mosaic.answers import LogEntry
from qbwc_server.mosaic.callback import Callback
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.errors import Invalid, Malformed, NotFound
from qbwc_server.mosaic.sentences import quoted
from qbwc_server.mosaic_reading import time_mosaic
from qbwc_server.mosaic_reading.time_window import TimeReader
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction

_CALL = tables.mosaic_call
_MOVED_BY_AT_MOST = _AT_A_READ = timedelta(days=31)
_CALLBACK = tables.mosaic_callback
_AT_ONCE = 500
_NOT_FOUND = 404
_NOT_IN_LOG = (
    "It never arrived in Mosaic, whose request log has what was sent before and after "
    "it; it is sent again."
)
_NOT_TOLD = "Mosaic does not say whether it still has it; it is asked again soon."


class Outcomes:
    """Settles one company's open calls.

    `read_list` reads a list of Mosaic whole; `settle` is how long an answer may stay
    out before it is looked for.
    """

    def __init__(
        self,
        engine: Engine,
        company_id: int,
        client: MosaicClient,
        budget: Budget,
        time: TimeReader,
        *,
        read_list: Callable[[str], None],
        clock: Callable[[], datetime],
        settle: timedelta,
    ) -> None:
        self._engine = engine
        self._company_id = company_id
        self._client = client
        self._budget = budget
        self._time = time
        self._read_list = read_list
        self._clock = clock
        self._settle = settle
        self.waits = False

    def take_callbacks(self) -> None:
        """Work with what Mosaic called back; `waits` says whether some is too early.

        Raises:
            MosaicError, BudgetSpent: an entry that a callback named cannot be asked
                for now; the callback is kept.
        """
        with self._transaction() as connection:
            rows = connection.execute(
                sa.select(_CALLBACK)
                .where(
                    _CALLBACK.c.company_id == self._company_id,
                    _CALLBACK.c.handled_at.is_(None),
                )
                .order_by(_CALLBACK.c.id)
                .limit(_AT_ONCE)
            ).all()
            hints = [row for row in rows if not self._answers(connection, row)]
            self._handled(connection, [row for row in rows if row not in hints])
            asked = came_late.to_ask(connection, self._company_id, hints)
        self.waits = len(asked) < len(hints)
        if asked:
            self._ask_for(asked)

    def _answers(self, connection: Connection, row: Row[Any]) -> bool:
        """Take a callback as the answer to one of our writes; False for a hint."""
        call = None
        if row.ref is not None:
            call = connection.execute(
                sa.select(_CALL).where(
                    _CALL.c.company_id == self._company_id, _CALL.c.ref == row.ref
                )
            ).first()
        if call is not None and call.settled_at is None:
            self._take_answer(connection, call, Callback(**row.body))
            return True
        if call is not None and call.state == "done":
            return not came_late.creations(connection, self._company_id, [call.ref])
        return bool(row.data_type != time_entry.NAME)

    def _take_answer(
        self, connection: Connection, call: Row[Any], said: Callback
    ) -> None:
        now = self._clock()
        if said.api_request_id is None or said.api_request_id != call.api_request_id:
            # It knows our reference but not the request that Mosaic told us of, and
            # nobody signs it: only asking Mosaic can tell what came of it. That it
            # arrived is certain, for nobody else knows the reference.
            outbox.accepted(connection, call, call.api_request_id)
            outbox.look_soon(connection, call, now)
        elif said.error is not None or said.status >= 300:
            reason = quoted(said.error or f"status {said.status}")
            if said.status == _NOT_FOUND and call.mosaic_id is not None:
                outbox.look_soon(connection, call, now)
            else:
                outbox.refused(connection, call, reason, now)
        elif not done(
            connection, call, said.mosaic_id, said.record, by="callback", now=now
        ):
            outbox.look_soon(connection, call, now)

    def _ask_for(self, hints: list[Row[Any]]) -> None:
        """Ask Mosaic for the entries that callbacks named."""
        named: set[int] = set()
        deleted: set[int] = set()
        for row in hints:
            said = Callback(**row.body)
            if said.mosaic_id is not None:
                named.add(said.mosaic_id)
                if said.action == "delete":
                    deleted.add(said.mosaic_id)
        with self._budget.patient():
            # What cannot be asked for like this is seen when its day is read.
            shown = self._time.ask(named)
            with self._transaction() as connection:
                gone = time_mosaic.known(connection, self._company_id, deleted - shown)
            if gone:
                self._time.ask_gone(gone, by="callback")
            self._take_late({row.ref: Callback(**row.body) for row in hints if row.ref})
        with self._transaction() as connection:
            self._handled(connection, hints)

    def _take_late(self, told: Mapping[str, Callback]) -> None:
        """Look at creations that count as never made, and are called back."""
        with self._transaction() as connection:
            calls = came_late.creations(connection, self._company_id, told)
        if not calls:
            return
        by_ref = {entry.ref: entry for entry in self._log(time_entry.NAME)}
        for call in calls:
            said, entry = told[call.ref], by_ref.get(call.ref)
            known = call.api_request_id
            number = entry.mosaic_id if entry is not None else None
            if known is not None and said.api_request_id == known:
                number = said.mosaic_id
            if number is None:
                continue  # nobody signs a callback: that alone proves nothing
            with self._transaction() as connection:
                first = came_late.made_since(connection, call)
            found = self._time.questions.ask(
                {number, number if first is None else first}
            )
            if first in found.unsure:
                continue
            with self._transaction() as connection:
                came_late.take(connection, call, number, found.bodies, self._clock())

    def _handled(self, connection: Connection, rows: Iterable[Row[Any]]) -> None:
        connection.execute(
            _CALLBACK.update()
            .where(
                _CALLBACK.c.company_id == self._company_id,
                _CALLBACK.c.id.in_([row.id for row in rows]),
            )
            .values(handled_at=self._clock())
        )

    def seen_first(self, steps: Sequence[Step]) -> set[int]:
        """Look at entries of Mosaic that are about to be changed or deleted.

        Mosaic takes a change whatever has happened meanwhile. So what somebody edited
        since it was read is read now, and planned again: nothing is overwritten unseen.
        Returns the ids of the calls that are not to be sent.
        """
        about = {
            step.mosaic_id: step.call_id
            for step in steps
            if step.data_type == time_entry.NAME and step.mosaic_id is not None
        }
        if not about:
            return set()
        before = self._snapshots(about)
        shown = self._time.ask(about)
        if absent := about.keys() - shown:
            unsure = self._time.ask_gone(absent)
            self._put_off([about[one] for one in unsure & absent])
        after = self._snapshots(shown)
        same = {
            one for one in shown if not time_mosaic.differs(before[one], after[one])
        }
        return {about[mosaic_id] for mosaic_id in about.keys() - same}

    def _put_off(self, call_ids: list[int]) -> None:
        """Take back writes to entries that Mosaic tells nothing certain of."""
        now = self._clock()
        with self._transaction() as connection:
            calls = outbox.get_all(connection, self._company_id, call_ids)
            for call in calls.values():
                outbox.never_made(
                    connection, call, _NOT_TOLD, now, again_at=now + self._settle
                )

    def _snapshots(self, mosaic_ids: Iterable[int]) -> dict[int, Any]:
        with self._transaction() as connection:
            return time_mosaic.snapshots(connection, self._company_id, mosaic_ids)

    def look(self) -> None:
        """Find out what became of writes whose answer stayed out."""
        now = self._clock()
        with self._transaction() as connection:
            waiting = outbox.open_calls(
                connection, self._company_id, _CALL.c.check_at <= now
            )
        for data_type in (*TYPES, time_entry.NAME):
            calls = [call for call in waiting if call.data_type == data_type]
            if not calls:
                continue
            if any(call.operation != "delete" for call in calls):
                self._ask_log(data_type, calls)
            left = self._still_open(calls)
            if left and data_type == time_entry.NAME:
                with self._budget.patient():
                    self._look_for_time(left)
            elif left:
                self._read_list(data_type)
                for call in self._still_open(left):
                    with self._transaction() as connection:
                        list_calls.look(
                            connection, call, now=self._clock(), settle=self._settle
                        )

    def _still_open(self, calls: list[Row[Any]]) -> list[Row[Any]]:
        with self._transaction() as connection:
            return outbox.open_calls(
                connection,
                self._company_id,
                _CALL.c.id.in_([call.id for call in calls]),
            )

    def _look_for_time(self, calls: list[Row[Any]]) -> None:
        """Ask for entries by their numbers, and for what was created by its day."""
        numbered = [call for call in calls if call.mosaic_id is not None]
        if numbered:
            found = self._time.questions.ask(call.mosaic_id for call in numbered)
            now = self._clock()
            with self._transaction() as connection:
                for call in numbered:
                    if call.mosaic_id in found.unsure:
                        outbox.change(connection, call, check_at=now + self._settle)
                        continue
                    time_calls.look_by_id(
                        connection,
                        call,
                        found.bodies.get(call.mosaic_id),
                        now=now,
                        settle=self._settle,
                    )
        created = [call for call in calls if call.mosaic_id is None]
        for first, last, of_days in _by_days(created):
            self._look_at_days(first, last, of_days)

    def _look_at_days(self, first: date, last: date, calls: list[Row[Any]]) -> None:
        members = sorted({int(call.fields["member_id"]) for call in calls})
        bodies = list(
            self._client.read(
                time_entry.NAME,
                start_date=first.isoformat(),
                end_date=last.isoformat(),
                member_ids=members,
            )
        )
        if any(outbox.is_last_look(call) for call in calls):
            # Somebody may have moved it to another day since it was made.
            around = [
                (first - _MOVED_BY_AT_MOST).isoformat(),
                (last + _MOVED_BY_AT_MOST).isoformat(),
            ]
            known = {one["mosaic_id"] for one in bodies}
            bodies += [
                one
                for one in self._client.read(
                    time_entry.NAME,
                    start_date=around[0],
                    end_date=around[1],
                    member_ids=members,
                )
                if one["mosaic_id"] not in known
            ]
        now = self._clock()
        with self._transaction() as connection:
            time_calls.look_at_days(
                connection,
                self._company_id,
                [call.id for call in calls],
                bodies,
                now=now,
                settle=self._settle,
            )
            time_mosaic.keep_mosaic(connection, self._company_id, bodies, now=now)

    def _ask_log(self, data_type: str, calls: list[Row[Any]]) -> None:
        """Look into Mosaic's request log; what it does not know is looked for."""
        entries = self._log(data_type)
        by_ref = {entry.ref: entry for entry in entries if entry.ref is not None}
        by_request = {entry.api_request_id: entry for entry in entries}
        for call in calls:
            entry = by_ref.get(call.ref) or by_request.get(call.api_request_id or "")
            if entry is None:
                self._not_in_log(call, by_ref)
                continue
            with self._transaction() as connection:
                again = outbox.get(connection, call.company_id, call.id)
                if again.settled_at is not None:
                    continue
                if entry.error is not None:
                    why = quoted(entry.error)
                    outbox.refused(connection, again, why, self._clock())
                else:
                    # It arrived: from here on it is certain that it is not sent again.
                    outbox.accepted(connection, again, entry.api_request_id)
                    if entry.mosaic_id is not None:
                        done(
                            connection,
                            again,
                            entry.mosaic_id,
                            None,
                            by="request log",
                            now=self._clock(),
                        )

    def _log(self, data_type: str) -> list[LogEntry]:
        """Return the lines of Mosaic's request log; none if it has no log.

        Or it is longer than we take: the lists tell as well.
        """
        try:
            with self._budget.patient():
                return self._client.request_log(data_type)
        except (Invalid, NotFound, Malformed):
            return []

    def _not_in_log(self, call: Row[Any], by_ref: Mapping[str, object]) -> None:
        """Take a creation as never made, where the log would show it.

        Then no look at the list has to tell: whatever is equal there is another one.
        """
        if call.data_type != time_entry.NAME or call.operation != "create":
            return
        now = self._clock()
        with self._transaction() as connection:
            again = outbox.get(connection, call.company_id, call.id)
            others = outbox.left_at(connection, call.company_id, by_ref)
            open_still = again.settled_at is None and again.mosaic_id is None
            if (
                open_still
                and again.state in {"sent", "unsure"}
                and identity.log_says_not_made(
                    call.created_at, others, now, self._settle
                )
            ):
                outbox.change(connection, again, looks=again.looks + 1)
                outbox.never_made(connection, again, _NOT_IN_LOG, now, again_at=now)

    def _transaction(self) -> Any:
        return company_transaction(self._engine, self._company_id)


def _by_days(
    calls: Sequence[Row[Any]],
) -> Iterator[tuple[date, date, list[Row[Any]]]]:
    """Give open creations with the days that one read takes: a month, or one alone."""
    days = [(date.fromisoformat(str(one.fields["date"])[:10]), one) for one in calls]
    days.sort(key=lambda both: both[0])
    while days:
        first = days[0][0]
        of_days = [one for day, one in days if day - first < _AT_A_READ]
        last = days[len(of_days) - 1][0]
        yield first, last, of_days
        days = days[len(of_days) :]
