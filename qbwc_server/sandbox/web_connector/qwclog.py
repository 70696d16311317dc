"""The log of the sandbox Web Connector, in the form of QWCLog.txt."""

from __future__ import annotations

import time
from collections.abc import Callable


class QwcLog:
    """Collects lines and hands each to `write`; `clock` tells Unix time."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self.lines: list[str] = []
        self._write = write
        self._clock = clock

    def note(self, place: str, text: str) -> None:
        """Write a line; `place` is class and method as the real log names them."""
        at = time.strftime("%Y%m%d.%H:%M:%S", time.gmtime(self._clock()))
        line = f"{at} UTC\t: QBWebConnector.{place}() : {text}"
        self.lines.append(line)
        self._write(line)
