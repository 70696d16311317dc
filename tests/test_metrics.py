"""Figures for Prometheus: right over all processes, cheap, and nobody else's."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.engine import Engine

from qbwc_server import metrics
from qbwc_server.companies import attention, heartbeat, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.operations import gauges
from qbwc_server.operations.gauges import Figures
from qbwc_server.settings import Settings
from qbwc_server.storage import tables
from qbwc_server.storage.database import company_transaction, transaction
from qbwc_server.worker.loop import Worker
from tests import logged_in
from tests.conftest import SECRET, Clock
from tests.waiting import until

ROOT = Path(__file__).parents[1]
TOKEN = "a-token-for-tests-only"
NewCompanies = Callable[..., NewCompany]
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is about processes and not about their database."""
Values = dict[tuple[str, ...], float]
"""Figures by name and values of their labels, in the order of their names."""


def values(text: str) -> Values:
    """Return every sample of a scrape."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): float(
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def read(engine: Engine, settings: Settings, clock: Clock) -> Values:
    """Return what is read from a database now."""
    found = Figures(engine, settings, clock, beside=at_once).read()
    return {(one.name, *one.labels): one.value for one in found}


def at_once(work: Callable[[], None]) -> None:
    """Do here what is otherwise done beside."""
    work()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def program(
    settings: Settings, *arguments: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "qbwc_server", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "QBWC_DATA_DIR": str(settings.data_dir),
            "QBWC_DATABASE_URL": logged_in.url_as(
                settings.database_url, logged_in.SERVING
            ),
            "QBWC_SECRET_KEY": SECRET,
            "QBWC_METRICS_TOKEN": TOKEN,
            **environment,
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def ask(
    port: int, path: str = "/metrics", *, token: str | None = TOKEN, body: str = ""
) -> tuple[int, str]:
    """Ask over a connection of its own, so that any process may answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    if body:
        headers |= {
            "Content-Type": "text/xml",
            "SOAPAction": '"http://developer.intuit.com/serverVersion"',
        }
    try:
        connection.request("POST" if body else "GET", path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until_it_answers(port: int, path: str = "/healthz") -> None:
    """Wait for a program that is starting."""

    def answers() -> bool:
        with contextlib.suppress(OSError):
            ask(port, path)
            return True
        return False

    until(answers, "an answer")


VERSION = (
    '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    '<serverVersion xmlns="http://developer.intuit.com/" /></soap:Body></soap:Envelope>'
)


def test_the_first_calls_may_come_at_the_same_time() -> None:
    """A server that has just started is called by all; some were answered 500."""
    first_calls = """
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
import prometheus_client
from qbwc_server import metrics

both_are_making_it, counter = Barrier(2), prometheus_client.Counter

def make(*arguments):
    with suppress(BrokenBarrierError):
        both_are_making_it.wait(0.2)
    return counter(*arguments)

def call(outcome):
    metrics.call("authenticate", outcome, 0.01)

prometheus_client.Counter = make
with ThreadPoolExecutor(2) as threads:
    list(threads.map(call, ("none", "busy")))
"""
    subprocess.run([sys.executable, "-c", first_calls], cwd=ROOT, check=True)


def test_two_processes_tell_the_sum_of_both(settings: Settings) -> None:
    """Whoever of them is asked; and the worker beside them is in it."""
    port = free_port()
    with program(settings, "serve", "--port", str(port), "--workers", "2"):
        until_it_answers(port)
        for _ in range(40):
            assert ask(port, "/qbwc", body=VERSION)[0] == 200
        seen = {
            values(ask(port)[1])["qbwc_calls_total", "serverVersion", "ok"]
            for _ in range(12)
        }
    assert seen == {40.0}


@SQLITE
def test_the_server_has_no_figures_for_strangers(settings: Settings) -> None:
    """Not without the token, not with a wrong one, not by another way."""
    port = free_port()
    with program(settings, "serve", "--port", str(port)):
        until_it_answers(port)
        assert ask(port, token=None)[0] == 401
        assert ask(port, token=TOKEN + "x")[0] == 401
        assert ask(port, token="")[0] == 401
        assert ask(port, "/metrics/")[0] == 404
        assert ask(port, body="x")[0] == 405
        assert ask(port)[0] == 200


@SQLITE
def test_without_a_token_there_are_no_figures_for_anybody(settings: Settings) -> None:
    """That is how it comes."""
    port = free_port()
    with program(settings, "serve", "--port", str(port), QBWC_METRICS_TOKEN=""):
        until_it_answers(port)
        assert ask(port, token=None)[0] == 404
        assert ask(port, token="")[0] == 404


@SQLITE
def test_a_worker_tells_its_figures_on_a_port_of_its_own(settings: Settings) -> None:
    """With the same token; and that it is up."""
    port = free_port()
    with program(settings, "worker", QBWC_METRICS_PORT=str(port)):
        until_it_answers(port)
        assert ask(port, token=None)[0] == 401
        told = values(ask(port)[1])
    assert told["qbwc_database_ready",] == 1
    assert "qbwc_database_errors_total" in {name[0] for name in told}


@SQLITE
def test_a_worker_beside_a_server_is_in_the_server_s_figures(
    engine: Engine, settings: Settings, clock: Clock, new_company: NewCompanies
) -> None:
    """One address tells of both."""
    new_company(mosaic_key=None)
    with engine.begin() as connection:
        connection.execute(tables.duty.update().values(deliver_at=clock()))
    port = free_port()
    with program(settings, "serve", "--port", str(port), "--with-worker"):
        until_it_answers(port)
        delivered = ("qbwc_deliveries_total", "done")
        assert until(lambda: values(ask(port)[1]).get(delivered), "a delivery")


@SQLITE
def test_a_worker_needs_a_token_for_its_port(settings: Settings) -> None:
    """Else anybody in its network could read."""
    with program(
        settings, "worker", QBWC_METRICS_PORT="1", QBWC_METRICS_TOKEN=""
    ) as it:
        assert it.wait(timeout=20) == 1


def test_figures_count_what_is_there(
    engine: Engine, settings: Settings, clock: Clock, new_company: NewCompanies
) -> None:
    """Of all companies together, with the age of the oldest."""
    first, second = new_company("Alice").id, new_company("Bob").id
    for company_id in (first, second):
        with company_transaction(engine, company_id) as connection:
            for number, state in enumerate(("in_sync", "conflict", "conflict"), 1):
                connection.execute(
                    tables.record.insert(),
                    {
                        "company_id": company_id,
                        "id": number,
                        "kind": "customer",
                        "state": state,
                        "name": "x",
                        "created_at": clock(),
                        "changed_at": clock(),
                    },
                )
            connection.execute(
                tables.job.insert(),
                {
                    "company_id": company_id,
                    "id": 10,
                    "state": "failed",
                    "kind": "customer",
                    "action": "read",
                    "summary": "",
                    "created_at": clock() - timedelta(minutes=company_id),
                    "run_at": clock(),
                },
            )
    with company_transaction(engine, second) as connection:
        registry.change(connection, second, late_at=clock())
        for one in ("quickbooks-0x80040408", "mosaic-unavailable"):
            attention.attend(connection, second, error_id=one, text="", now=clock())

    told = read(engine, settings, clock)

    assert told["qbwc_records", "customer", "conflict"] == 4
    assert told["qbwc_records", "customer", "in_sync"] == 2
    assert told["qbwc_jobs_open", "failed"] == 2
    assert told["qbwc_jobs_open", "ready"] == 0
    assert told["qbwc_companies", "live"] == 2
    assert told["qbwc_companies_late",] == 1
    assert told["qbwc_companies_attention", "quickbooks"] == 1
    assert told["qbwc_companies_attention", "mosaic-unavailable"] == 1
    # Who does not call lets its work grow old: that is told as late, and once.
    assert told["qbwc_jobs_oldest_seconds", "failed"] == first * 60


def test_what_is_left_of_keys_is_told_without_the_key(
    engine: Engine, settings: Settings, clock: Clock, keys: Keys
) -> None:
    """Of few of them: their number is not bounded. No two have the same name."""
    # Stored hashes begin with the name of the secret key, which is the same in all.
    secret = keys.hash("mosaic", "any").partition(":")[0]
    with engine.begin() as connection:
        for number in range(30):
            connection.execute(
                tables.mosaic_budget.insert(),
                {
                    "key_hash": f"{secret}:{'f' * 10}{number:02}" + "f" * 52,
                    "tokens": number / 10,
                    "refilled_at": clock(),
                    "blocked_until": clock() + timedelta(minutes=1)
                    if number == 29
                    else None,
                },
            )
    told = read(engine, settings, clock)
    shown = [name for name in told if name[0] == "qbwc_mosaic_budget_left"]

    assert len(shown) == 20
    assert told["qbwc_mosaic_budget_left", "f" * 10 + "29"] == 0
    assert told["qbwc_mosaic_budget_keys", "blocked"] == 1
    assert told["qbwc_mosaic_budget_keys", "spent"] == 10
    assert told["qbwc_mosaic_budget_keys", "some"] == 19


def test_a_worker_that_looks_for_work_is_seen_and_one_that_ended_is_not(
    engine: Engine, settings: Settings, keys: Keys, clock: Clock
) -> None:
    """Its last sign of life grows old."""
    assert ("qbwc_heartbeat_age_seconds", "worker") not in read(engine, settings, clock)
    Worker(engine, keys, settings, clock).run_once()
    clock.pass_(minutes=7)
    with transaction(engine) as connection:
        heartbeat.beat(connection, clock())

    told = read(engine, settings, clock)

    assert told["qbwc_heartbeat_age_seconds", "worker"] == 420
    assert told["qbwc_heartbeat_age_seconds", "server"] == 0


def test_figures_are_kept_for_a_while(
    engine: Engine, settings: Settings, clock: Clock
) -> None:
    """Whoever asks every second costs the database no more than every 15 seconds."""
    asked: list[str] = []
    sa.event.listen(
        engine, "before_cursor_execute", lambda *said: asked.append(str(said[2]))
    )
    moment = 100.0
    reader = Figures(engine, settings, clock, watch=lambda: moment, beside=at_once)
    first = reader.read()
    assert asked
    asked.clear()
    moment += 14
    assert reader.read() == first
    assert asked == []
    moment += 2
    reader.read()
    assert asked


def test_what_takes_long_to_count_is_counted_less_often(
    engine: Engine,
    settings: Settings,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database that needs two seconds for it is asked every forty."""
    moments = iter([0.0, 2.0, *[39.0] * 10])
    reader = Figures(engine, settings, clock, watch=lambda: next(moments))
    counted = []

    def slowly(_connection: object) -> Iterator[metrics.Figure]:
        counted.append(1)
        yield metrics.Figure("qbwc_companies_late", 0)

    monkeypatch.setattr(gauges, "_of_records", slowly)
    monkeypatch.setattr(reader, "_all", lambda _: iter(()))
    reader._some("records", gauges._of_records)
    reader._some("records", gauges._of_records)
    assert counted == [1]


@SQLITE
def test_a_database_that_is_away_is_told_and_not_an_error(
    settings: Settings, clock: Clock, tmp_path: Path
) -> None:
    """The rest of the figures is still worth reading."""
    from qbwc_server.storage.database import make_engine

    away = make_engine(f"sqlite:///{tmp_path}/nowhere/x.db")
    found = Figures(away, settings, clock).read()
    assert [(one.name, one.value) for one in found] == [
        ("qbwc_database_ready", 0),
        ("qbwc_database_full", 0),
    ]
    empty = make_engine("sqlite://")
    assert Figures(empty, settings, clock).read()[0].value == 0
