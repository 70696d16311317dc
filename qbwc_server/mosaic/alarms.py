"""One thread of a process that rings when something has taken too long.

A thread for each wait costs as much as the rest of a call to Mosaic.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition, Thread

_IDLE_SECONDS = 60.0
"""So long the thread stays when nothing is to ring; the next alarm starts another."""


@dataclass(order=True, slots=True)
class Alarm:
    """A moment of the monotonic clock, and what is called then unless it is off."""

    at: float
    ring: Callable[[], None] = field(compare=False)
    is_off: bool = field(default=False, compare=False)


class Alarms:
    """Rings alarms at their time, one after the other; `ring` must not take long."""

    def __init__(self) -> None:
        self._turn = Condition()
        self._set: list[Alarm] = []
        self._thread: Thread | None = None

    def set(self, seconds: float, ring: Callable[[], None]) -> Alarm:
        """Have something called after so long; the alarm is off once it is told so."""
        alarm = Alarm(time.monotonic() + seconds, ring)
        with self._turn:
            self._forget()
            heapq.heappush(self._set, alarm)
            # A process that was forked off has no threads of the one before.
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="alarms", daemon=True)
                self._thread.start()
            elif self._set[0] is alarm:
                self._turn.notify()
        return alarm

    def _run(self) -> None:
        while True:
            with self._turn:
                self._forget()
                if not self._set:
                    self._turn.wait(_IDLE_SECONDS)
                if not self._set:
                    self._thread = None
                    return
                left = self._set[0].at - time.monotonic()
                if left > 0:
                    self._turn.wait(left)
                    continue
                alarm = heapq.heappop(self._set)
            if not alarm.is_off:
                alarm.ring()

    def _forget(self) -> None:
        """Leave out what is off and would come next."""
        while self._set and self._set[0].is_off:
            heapq.heappop(self._set)


ALARMS = Alarms()
