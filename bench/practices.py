"""Practices at work: companies whose people change time on both sides, in fast motion.

QuickBooks, Web Connector and Mosaic are the sandbox's. What takes a practice an hour
takes here a few seconds, and things go wrong more often than they do in life: Mosaic
fails, a computer is switched off in the middle, somebody mistypes a password.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from bench.stand import Stand
from bench.wire import Refused, Wire
from qbwc_server.companies import connection_file, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.decisions import company_settings
from qbwc_server.sandbox.mosaic.fields import Refused as RefusedByMosaic
from qbwc_server.sandbox.mosaic.hands import MosaicHands
from qbwc_server.sandbox.mosaic.sandbox import MosaicSandbox
from qbwc_server.sandbox.mosaic.server import serve
from qbwc_server.sandbox.quickbooks.company_file import CompanyFile
from qbwc_server.sandbox.sample_firm import build_sample_firm
from qbwc_server.sandbox.web_connector.interference import Call, Interference, Vanish
from qbwc_server.sandbox.web_connector.program import WebConnector
from qbwc_server.sandbox.web_connector.registration import (
    Application,
    add,
    read_application,
)

REQUESTS = 1_500
"""Requests in five minutes that Mosaic allows here; in life it is 300."""
_APART = 5.0
"""Seconds between the first runs of one practice and the next."""
_BETWEEN = (8.0, 14.0)
"""Seconds between two runs of one practice, at least and at most."""
_FAILS = 0.2
"""The share of runs after which Mosaic fails once."""
_LARGE, _PREVIEW, _WRONG_KEY, _ASKS, _SWITCHED_OFF, _MISTYPED = range(6)
"""The practices with something of their own; all others are ordinary."""


class Practices:
    """So many practices at one server, each a thread, until they are to stop."""

    def __init__(self, made: Stand, count: int) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=_Practice(made, number, self._stop).work)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each finish what it is at, and end."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


class _SwitchesOff:
    """Switches the computer off before the second answer of QuickBooks is sent."""

    def __init__(self) -> None:
        self._left = 2

    def before(self, call: Call) -> None:
        if call.method == "receiveResponseXML":
            self._left -= 1
            if self._left == 0:
                raise Vanish

    def after(self, call: Call, answer: bytes) -> None:
        del call, answer


class _Practice:
    """One company file with its people, its Web Connector and its Mosaic."""

    def __init__(self, made: Stand, number: int, stop: threading.Event) -> None:
        self._made = made
        self._number = number
        self._stop = stop
        self._dice = random.Random(number)
        key = f"key-of-practice-{number}"
        self._mosaic = MosaicSandbox(
            api_key=key, clock=_now, requests_per_window=REQUESTS
        )
        self._people = MosaicHands(self._mosaic, calls_back=True)
        self._key = "mistyped" if number == _WRONG_KEY else key
        self._file = CompanyFile(":memory:", clock=time.time)

    def work(self) -> None:
        """Begin when it is its turn, be added to the server, and run until the end."""
        if not self._stop.wait(self._number * _APART):
            running = serve(self._mosaic, 0)
            try:
                self._run(*self._added(running.url))
            finally:
                running.stop()
        self._file.close()

    def _added(self, url: str) -> tuple[NewCompany, Application]:
        """Fill the company file and connect it; `url` is where Mosaic is."""
        entries = 400 if self._number == _LARGE else 30 + 5 * self._number
        build_sample_firm(
            self._file,
            people=8,
            clients=3,
            jobs=9,
            time_entries=entries,
            seed=self._number + 1,
        )
        name = f"Practice {self._number}"
        new = registry.add(
            self._made.engine,
            self._made.keys,
            name=name,
            mosaic_url=url,
            mosaic_team="100",
            mosaic_key=self._key,
            mode="preview" if self._number == _PREVIEW else "live",
            now=_now(),
        )
        server = f"http://localhost:{self._made.port}"
        self._mosaic.team.callback_url = f"{server}/webhook/{new.webhook_token}"
        stored = registry.find(self._made.engine, name)
        application = read_application(connection_file.qwc_of(stored, server))
        add(application, self._file)
        if self._number == _ASKS:
            self._set(new, policy="ask")
        return new, application

    def _run(self, new: NewCompany, application: Application) -> None:
        runs = 0
        while not self._stop.is_set():
            runs += 1
            self._set(new, next_read_at=None)
            password, on_call = new.password, None
            if self._number == _SWITCHED_OFF and runs % 6 == 2:
                on_call = _SwitchesOff()
            if self._number == _MISTYPED and runs % 5 == 3:
                password = "mistyped"
                with suppress(Refused):
                    Wire(self._made.port).send("authenticate", b"<soap:Envelope")
            self._connector(application, password, on_call).run()
            self._change()
            self._stop.wait(self._dice.uniform(*_BETWEEN))

    def _connector(
        self, application: Application, password: str, on_call: Interference | None
    ) -> WebConnector:
        return WebConnector(
            application,
            password,
            self._file,
            sleep=time.sleep,
            log=lambda _line: None,
            on_call=on_call,
        )

    def _change(self) -> None:
        """Let people change time on both sides, and Mosaic fail now and then.

        Where a person is asked, both change the text of the same entries.
        """
        text = f"Changed at {_now():%H:%M:%S}"
        asks = self._number == _ASKS
        some = 2 if asks else 10
        if self._dice.random() < _FAILS:
            self._mosaic.fail_next(self._dice.choice(("error", "rate_limit")))
        free = self._file.store.all(
            "SELECT txn_id FROM time_entry WHERE billable = 'NotBillable' "
            "ORDER BY txn_date DESC LIMIT ?",
            some,
        )
        if free:
            one, minutes = self._dice.choice(free), self._dice.randrange(15, 480, 15)
            self._file.hands.edit_time(one["txn_id"], minutes=minutes)
            if asks:
                self._file.hands.edit_time(one["txn_id"], notes=f"{text} by us")
        entries = [one for one in self._people.time() if not one["is_billable"]]
        latest = sorted(entries, key=lambda one: str(one["date"]))[-some:]
        if latest:
            entry = self._dice.choice(latest)
            with suppress(RefusedByMosaic):
                self._people.edit_time(entry["mosaic_id"], description=text)

    def _set(self, new: NewCompany, **values: Any) -> None:
        company_settings.set_values(
            self._made.engine, new.id, now=_now(), who="bench", **values
        )


def _now() -> datetime:
    return datetime.now(UTC)
