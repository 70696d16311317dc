"""Drain: sessions of many round trips, with answers of no, some or many records."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from bench import answers
from bench.firm import Firm
from bench.stand import Stand
from bench.wire import Times, Wire, quantile

OBJECTS: dict[str, Callable[[int], bytes]] = {
    "TimeTrackingQuery": answers.time_entries,
    "CustomerQuery": answers.customers,
}


def drain(
    made: Stand, query: str, size: int, *, firms: int, trips: int
) -> dict[str, float]:
    """Have companies read so many pages at once; return what came of it.

    `records` and `trips` are per second in all, `p50` and `p99` are milliseconds of
    receiveResponseXML.
    """
    times = [Times() for _ in range(firms)]
    objects = answers.ready(OBJECTS[query](size))
    load = []
    for one in range(firms):
        new, application = made.add(f"{query} {size} {one} {time.time_ns()}")
        firm = Firm(new, application, made.port, times[one])
        firm.open()
        load.append(firm)
    given = [0] * firms

    def work(one: int) -> None:
        given[one] = load[one].session(query, objects, trips, size)

    _together(work, firms)
    # Without the start of the sessions, in which the stand-in of QuickBooks works.
    took = max(one.ended for one in load) - min(one.began for one in load)
    received = times[0].merged(times[1:]).of["receiveResponseXML"]
    pages = sum(given)
    if pages != firms * trips:
        raise AssertionError(f"{pages} pages instead of {firms * trips}")
    return {
        "records": pages * size / took,
        "trips": pages / took,
        "p50": quantile(received, 0.5) * 1000,
        "p99": quantile(received, 0.99) * 1000,
    }


def floor_drain(port: int, size: int, *, firms: int, trips: int) -> dict[str, float]:
    """Send the same answers to bare spyne, which parses them to dicts and forgets."""
    objects = answers.ready(answers.time_entries(size))
    whole = (
        b"&lt;QBXML&gt;&lt;QBXMLMsgsRs&gt;&lt;TimeTrackingQueryRs statusCode=&quot;0"
        b"&quot;&gt;%b&lt;/TimeTrackingQueryRs&gt;&lt;/QBXMLMsgsRs&gt;&lt;/QBXML&gt;"
    )
    times = [Times() for _ in range(firms)]

    def work(one: int) -> None:
        wire = Wire(port, times[one])
        for number in range(trips):
            _ask(wire)
            page = whole % answers.page(objects, number)
            wire.call(
                "receiveResponseXML",
                ("ticket", "1-0"),
                ("response", page),
                ("hresult", ""),
                ("message", ""),
            )

    took = _together(work, firms)
    received = times[0].merged(times[1:]).of["receiveResponseXML"]
    return {
        "records": firms * trips * size / took,
        "trips": firms * trips / took,
        "p50": statistics.median(received) * 1000,
        "p99": quantile(received, 0.99) * 1000,
    }


def _ask(wire: Wire) -> None:
    empty = [(f"a{one}", "") for one in range(5)]
    wire.call("sendRequestXML", ("ticket", "1-0"), *empty)


def _together(work: Callable[[int], Any], count: int) -> float:
    threads = [threading.Thread(target=work, args=(one,)) for one in range(count)]
    begun = time.perf_counter()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return time.perf_counter() - begun


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here."""
    process.terminate()
    process.wait()
