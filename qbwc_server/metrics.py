"""Every figure that is counted for Prometheus, and how it is written out.

What happens is counted in the process in which it happens. The processes of one server,
and the worker beside it, share a folder of counters (`share`), so that each of them
tells the figures of all. What can be read from the database is not counted: `gauges`.

Rule: a label has few values, whatever anybody sends; a name that is not known counts as
"other". No name, address or number of a company is one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram
    from prometheus_client.core import GaugeMetricFamily

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Under this name the library looks for the folder, when it is first imported."""
_QUICK = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SLOW = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400)

_ONE_AT_A_TIME = Lock()
"""The first calls come at the same time, and a figure can be made only once."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TO_MOSAIC, TO_QUICKBOOKS = "to_mosaic", "to_quickbooks"

GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "qbwc_database_ready": (
        "1 if the figures below could be read from the database and it fits, else 0.",
        (),
    ),
    "qbwc_database_full": (
        "1 if the database cannot take 16 MB more, else 0.",
        (),
    ),
    "qbwc_database_epoch": (
        "How often the database was noticed to be an earlier moment of itself.",
        (),
    ),
    "qbwc_figures_seconds": ("How long reading figures took last.", ("what",)),
    "qbwc_heartbeat_age_seconds": (
        "Since any server or worker was seen, or a backup was made; none: never.",
        ("name",),
    ),
    "qbwc_companies": ("Companies by mode.", ("mode",)),
    "qbwc_companies_late": ("Companies whose Web Connector is late.", ()),
    "qbwc_companies_attention": ("Companies that are hindered, by why.", ("id",)),
    "qbwc_sessions_live": ("Runs of Web Connector going on, by state.", ("state",)),
    "qbwc_jobs_open": ("Open work for QuickBooks by state.", ("state",)),
    "qbwc_jobs_oldest_seconds": (
        "Age of the oldest open job, where Web Connector calls as it should.",
        ("state",),
    ),
    "qbwc_records": ("Records by kind and state.", ("kind", "state")),
    "qbwc_mosaic_writes_open": (
        "Writes to Mosaic whose outcome is not known, by state.",
        ("state",),
    ),
    "qbwc_mosaic_writes_oldest_seconds": ("Age of the oldest of them.", ("state",)),
    "qbwc_callbacks_waiting": ("Callbacks of Mosaic not worked with yet.", ()),
    "qbwc_answers_unused": (
        "Answers of QuickBooks that our program failed on and that wait for a replay.",
        (),
    ),
    "qbwc_mosaic_budget_keys": (
        "Mosaic keys in use by what is left: blocked (Mosaic said 429), spent, some.",
        ("state",),
    ),
    "qbwc_mosaic_budget_left": (
        "Requests that may leave at once; the 20 keys with the least, by a hash.",
        ("key",),
    ),
}
"""Name, help and labels of what is read from the database at a scrape."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of a gauge of `GAUGES`."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Counted:
    """What is counted in this process."""

    calls: Counter
    call_seconds: Histogram
    unreadable: Counter
    begun: Counter
    ended: Counter
    pages: Counter
    mosaic: Counter
    mosaic_seconds: Histogram
    arrivals: Histogram
    passes: Counter
    database: Counter


def share(folder: str) -> None:
    """Have this process and those it starts count together, in files of a folder.

    Comes before anything was counted; a folder named by the environment stays.
    """
    os.environ.setdefault(_FOLDER, folder)


def _counted() -> _Counted:
    with _ONE_AT_A_TIME:
        return _made()


@cache
def _made() -> _Counted:
    # Not at the top: the library decides at its import where it counts.
    from prometheus_client import Counter, Histogram  # noqa: PLC0415

    return _Counted(
        Counter(
            "qbwc_calls",
            "Calls of Web Connectors by method and outcome.",
            ("method", "outcome"),
        ),
        Histogram(
            "qbwc_call_seconds",
            "How long calls were worked on, without the time on the wire.",
            ("method",),
            buckets=_QUICK,
        ),
        Counter("qbwc_calls_unreadable", "Calls with a body that cannot be read."),
        Counter("qbwc_sessions_begun", "Runs of Web Connector that began."),
        Counter("qbwc_sessions_ended", "Runs that ended, by why.", ("why",)),
        Counter(
            "qbwc_pages",
            "Answers of pages, webhook and health by endpoint and status.",
            ("endpoint", "status"),
        ),
        Counter(
            "qbwc_mosaic_requests",
            "Requests to Mosaic by type and outcome: ok or the id of the error.",
            ("method", "data_type", "outcome"),
        ),
        Histogram(
            "qbwc_mosaic_request_seconds",
            "How long Mosaic took until its answer began.",
            ("method",),
            buckets=_QUICK,
        ),
        Histogram(
            "qbwc_arrival_seconds",
            "From when a change was read by us and could go, until the other side is "
            "known to have it.",
            ("direction",),
            buckets=_SLOW,
        ),
        Counter("qbwc_deliveries", "Passes of the worker for a company.", ("outcome",)),
        Counter(
            "qbwc_database_errors",
            "Calls and passes that ended because the database was not usable.",
        ),
    )


def call(method: str, outcome: str, seconds: float) -> None:
    """Count a call of a Web Connector."""
    counted = _counted()
    counted.calls.labels(method, outcome).inc()
    counted.call_seconds.labels(method).observe(seconds)


def unreadable() -> None:
    """Count a body that could not be read."""
    _counted().unreadable.inc()


def session_begun() -> None:
    """Count a run that began."""
    _counted().begun.inc()


def session_ended(why: str) -> None:
    """Count a run that ended."""
    _counted().ended.labels(why).inc()


def page(endpoint: str | None, status: int) -> None:
    """Count an answer of a page; without an endpoint nothing is at that address."""
    _counted().pages.labels(endpoint or "other", str(status)).inc()


def mosaic(method: str, data_type: str, outcome: str, seconds: float) -> None:
    """Count a request to Mosaic."""
    counted = _counted()
    counted.mosaic.labels(method, data_type or "other", outcome).inc()
    counted.mosaic_seconds.labels(method).observe(seconds)


def arrived(direction: str, seconds: float) -> None:
    """Count a change that the other side has; clocks may differ a little."""
    _counted().arrivals.labels(direction).observe(max(seconds, 0.0))


def delivery(outcome: str) -> None:
    """Count a pass of the worker for one company."""
    _counted().passes.labels(outcome).inc()


def database_error() -> None:
    """Count a call or pass that ended because the database was not usable."""
    _counted().database.inc()


def text(figures: Iterable[Figure]) -> bytes:
    """Return all figures in Prometheus' text format, counted ones and given ones."""
    from prometheus_client import REGISTRY, CollectorRegistry  # noqa: PLC0415
    from prometheus_client.exposition import generate_latest  # noqa: PLC0415
    from prometheus_client.multiprocess import (  # noqa: PLC0415
        MultiProcessCollector,
    )

    _counted()
    registry: CollectorRegistry = REGISTRY
    if _FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    given = CollectorRegistry()
    given.register(_Given(figures))
    return bytes(generate_latest(registry) + generate_latest(given))


class _Given:
    """Figures that are read and not counted, as the library wants them."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        self._figures = list(figures)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        families = {
            name: GaugeMetricFamily(name, about, labels=labels)
            for name, (about, labels) in GAUGES.items()
        }
        for figure in self._figures:
            families[figure.name].add_metric(figure.labels, figure.value)
        return families.values()
