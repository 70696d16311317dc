"""A kept write on its way: sent once, and what came of it.

Rule: sending and settling are two things, so that no transaction is open while Mosaic
is asked, and many writes may be sent between two transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from qbwc_server import logs
from qbwc_server.delivery import list_calls, outbox, time_calls
from qbwc_server.delivery.at_once import AtOnce
from qbwc_server.delivery.failing import Failing
from qbwc_server.delivery.rate_budget import BudgetSpent
from qbwc_server.kinds import time_entry
from qbwc_server.mosaic.answers import WriteAnswer
from qbwc_server.mosaic.client import MosaicClient
from qbwc_server.mosaic.errors import Invalid, MosaicError, NotFound, RateLimited

_REFUSALS = (Invalid, NotFound, ValueError)
"""About this write only. ValueError: it cannot be sent at all, so nothing was."""


@dataclass(frozen=True, slots=True)
class Step:
    """A write that was kept and is now to be sent; `do` is the call's operation."""

    call_id: int
    ref: str
    do: str
    data_type: str
    mosaic_id: int | None
    fields: dict[str, Any]
    project_id: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of sending: an answer or an error; neither if it was not sent.

    `own` says that Mosaic failed on this write and answers others.
    """

    answer: WriteAnswer | None = None
    error: Exception | None = None
    own: bool = False

    @property
    def stops(self) -> bool:
        """Whether nothing more can be sent now."""
        return self.error is not None and not isinstance(self.error, _REFUSALS)


NOT_SENT = Outcome()


class Sender:
    """Sends one company's kept writes."""

    def __init__(
        self, company_id: int, client: MosaicClient, *, clock: Callable[[], datetime]
    ) -> None:
        self._company_id = company_id
        self._client = client
        self._clock = clock

    def write(self, step: Step) -> Outcome:
        """Send a kept write once; no transaction may be open. Raises nothing."""
        try:
            return Outcome(self._write(step))
        except (BudgetSpent, MosaicError, ValueError) as error:
            return Outcome(error=error)

    def _write(self, step: Step) -> WriteAnswer:
        client, number = self._client, step.mosaic_id
        if step.do == "create":
            return client.create(step.data_type, step.fields, ref=step.ref)
        if number is None:
            raise ValueError("only a creation has no object yet")
        if step.do == "update":
            return client.update(step.data_type, number, step.fields, ref=step.ref)
        if step.do == "delete" and step.data_type == time_entry.NAME:
            return client.delete_time_entries([number], ref=step.ref)
        change = {"archive": client.archive, "unarchive": client.unarchive}[step.do]
        return change(step.data_type, number, ref=step.ref, project_id=step.project_id)

    def settle(
        self,
        connection: Connection,
        steps: Sequence[Step],
        outcomes: Sequence[Outcome],
    ) -> None:
        """Keep what came of writes; a callback may have been faster."""
        ids = [step.call_id for step in steps]
        calls = outbox.get_all(connection, self._company_id, ids)
        opened = [
            (calls[step.call_id], outcome)
            for step, outcome in zip(steps, outcomes, strict=True)
            if calls[step.call_id].settled_at is None
        ]
        at_once = self._at_once(connection, opened)
        for call, outcome in opened:
            self._settle(connection, call, outcome, at_once)
        if at_once is not None:
            at_once.keep(connection, self._company_id, self._clock())

    def _at_once(
        self, connection: Connection, opened: Sequence[tuple[Row[Any], Outcome]]
    ) -> AtOnce | None:
        """Return what is known of calls that were all answered with what is new."""
        numbers = set()
        for call, outcome in opened:
            if call.operation != "create" or call.data_type != time_entry.NAME:
                return None
            answer = outcome.answer
            if answer is None or answer.mosaic_id is None or answer.record is None:
                return None
            numbers.add(answer.mosaic_id)
        calls = [call for call, _ in opened]
        return AtOnce.of(connection, self._company_id, calls, numbers, self._clock())

    def _settle(
        self,
        connection: Connection,
        call: Row[Any],
        outcome: Outcome,
        at_once: AtOnce | None,
    ) -> None:
        now = self._clock()
        error = outcome.error
        if outcome.answer is not None:
            self._answered(connection, call, outcome.answer, now, at_once)
        elif error is None:
            reason = "It was not sent yet; it is planned again."
            outbox.never_made(connection, call, reason, now, again_at=now)
        elif isinstance(error, BudgetSpent | RateLimited):
            reason = "Mosaic takes no more requests now; it is sent in a moment."
            outbox.never_made(connection, call, reason, now, again_at=now)
        elif isinstance(error, NotFound) and call.data_type == time_entry.NAME:
            # Deleted there, or what it is booked on was: only asking can tell.
            self._not_found(connection, call, error, now)
        elif isinstance(error, _REFUSALS):
            why = error.support if isinstance(error, MosaicError) else str(error)
            outbox.refused(connection, call, why, now)
        elif isinstance(error, MosaicError) and error.outcome_unknown:
            outbox.unsure(connection, call, error.support, now, failed=outcome.own)
        elif isinstance(error, MosaicError):
            outbox.never_made(connection, call, error.customer, now, again_at=now)

    def _answered(
        self,
        connection: Connection,
        call: Row[Any],
        answer: WriteAnswer,
        now: datetime,
        at_once: AtOnce | None,
    ) -> None:
        known = (connection, call, answer.mosaic_id, answer.record)
        if call.data_type == time_entry.NAME:
            made = time_calls.done(*known, by="answer", now=now, at_once=at_once)
        else:
            made = list_calls.done(*known, by="answer", now=now)
        if not made:
            outbox.accepted(connection, call, answer.api_request_id)
            if call.operation == "delete" and answer.api_request_id is None:
                outbox.look_soon(connection, call, now)

    def _not_found(
        self, connection: Connection, call: Row[Any], error: NotFound, now: datetime
    ) -> None:
        if call.operation == "create":
            outbox.refused(connection, call, error.support, now)
        else:
            outbox.unsure(connection, call, error.support, now)


class Sending:
    """Sends several kept writes, until one meets trouble that all others would meet.

    `alive` is called before each; what it raises stops the others too. What may not
    leave any more by `may_leave` is not sent, and that is known. `failing` tells what
    Mosaic fails on alone: the others go on.
    """

    def __init__(
        self,
        sender: Sender,
        alive: Callable[[], None],
        may_leave: Callable[[Step], bool],
        failing: Failing,
    ) -> None:
        self._sender = sender
        self._alive = alive
        self._may_leave = may_leave
        self._failing = failing
        self.stopped: Exception | None = None
        self._left_out: AbstractSet[int] = frozenset()

    def send(
        self, steps: Sequence[Step], senders: int, *, left_out: AbstractSet[int]
    ) -> list[Outcome]:
        """Send all but some, several at a time; return what came of each."""
        self._left_out = left_out
        if len(steps) == 1 or senders == 1:
            return [self._one(step) for step in steps]
        with ThreadPoolExecutor(senders, thread_name_prefix="send") as pool:
            return list(pool.map(logs.apart(self._one), steps))

    def _one(self, step: Step) -> Outcome:
        if self.stopped is not None or step.call_id in self._left_out:
            return NOT_SENT
        try:
            self._alive()
        except Exception as error:  # noqa: BLE001 - raised again when all is settled
            self.stopped = error
            return NOT_SENT
        if not self._may_leave(step):
            return NOT_SENT
        outcome = self._sender.write(step)
        if outcome.answer is not None:
            self._failing.went()
        elif outcome.stops:
            own = self._failing.is_own(outcome.error)
            if (not own or self._failing.too_many) and self.stopped is None:
                self.stopped = outcome.error
            outcome = replace(outcome, own=own)
        return outcome


def done(
    connection: Connection,
    call: Row[Any],
    mosaic_id: int | None,
    body: Mapping[str, Any] | None,
    *,
    by: str,
    now: datetime,
) -> bool:
    """Take a write of any type as made; False if Mosaic must be asked first."""
    settle = time_calls.done if call.data_type == time_entry.NAME else list_calls.done
    return settle(connection, call, mosaic_id, body, by=by, now=now)
