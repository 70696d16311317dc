"""Bodies near those of Web Connector, through the whole server."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from lxml import etree
from werkzeug.test import Client

from qbwc_server.companies import registry, sessions
from qbwc_server.keys import Keys
from qbwc_server.qbxml.response import clean
from qbwc_server.sandbox.web_connector.soap_call import INTUIT
from qbwc_server.settings import Settings
from qbwc_server.storage.database import make_engine
from tests.conftest import Clock
from tests.fuzz.near import MINUTES, few, for_long, mutated, seeds
from tests.web_connector.desk import PARAMETERS, PATH, Desk, body_of


class Fuzzed:
    """A company that is talked to in pieces."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.client = Client(desk.wsgi("http://localhost"))

    def post(self, method: str, body: bytes) -> bytes:
        """Post a body; whatever it is, the answer is a call's or an empty one."""
        answer = self.client.post(
            "/qbwc",
            data=body,
            headers={"SOAPAction": f'"{INTUIT}{method}"', "Content-Type": "text/xml"},
        )
        assert answer.status_code == 200
        found = etree.fromstring(answer.data)
        assert found.find(".//{*}Fault") is None
        assert found.find(".//{*}Body") is not None
        return bytes(answer.data)

    def call(self, method: str, *values: str) -> str:
        """Make a good call; return its first text."""
        found = etree.fromstring(self.post(method, body_of(method, *values)))
        texts = [text for text in found.itertext() if text.strip()]
        return str(texts[0]) if texts else ""

    def any_call(self, seed: random.Random) -> None:
        """Make a call near a good one."""
        method = seed.choice(list(PARAMETERS))
        values = [
            seed.choice(
                ("1-" + "0" * 40, self.desk.company.username, "<QBXML/>", "2.3")
            )
            for _ in PARAMETERS[method]
        ]
        self.post(method, mutated(body_of(method, *values), seed))

    def any_answer(self, seed: random.Random) -> None:
        """Answer what is asked with something near the truth; nothing may be lost."""
        ticket, request = self._begin()
        for _ in range(6):
            if "<QBXML>" not in request:
                break
            answer = self.desk.quickbooks().process(request)
            if seed.random() < 0.6:
                near = mutated(answer.encode(), seed)
                answer = clean(near.decode("utf-8", "replace"))
            body = body_of("receiveResponseXML", ticket, answer)
            if seed.random() < 0.3:
                body = mutated(body, seed)
            self.post("receiveResponseXML", body)
            self.call("getLastError", ticket)
            request = self.call("sendRequestXML", ticket, "", PATH, "US", "13", "0")
        self.call("closeConnection", ticket)
        self.goes_on()

    def true_answers(self) -> None:
        """Do a session in which QuickBooks answers as it does."""
        ticket, request = self._begin()
        while "<QBXML>" in request:
            answer = self.desk.quickbooks().process(request)
            self.call("receiveResponseXML", ticket, answer)
            request = self.call("sendRequestXML", ticket, "", PATH, "US", "13", "0")
        self.call("closeConnection", ticket)

    def goes_on(self) -> None:
        """Check that each job goes on by itself, or says why it does not."""
        for job in self.desk.jobs():
            assert job.state in {"ready", "done", "failed", "cancelled"}, job
            assert job.state != "failed" or job.reason, job
        with self.desk.engine.begin() as connection:
            assert sessions.live(connection, self.desk.company.id) is None

    def _begin(self) -> tuple[str, str]:
        desk = self.desk
        desk.clock.pass_(hours=1)
        who = desk.company
        ticket = self.call("authenticate", who.username, who.password)
        return ticket, self.call(
            "sendRequestXML", ticket, desk.hcp(), PATH, "US", "13", "0"
        )


@pytest.fixture
def fuzzed(sqlite_url: str, keys: Keys, clock: Clock) -> Iterator[Fuzzed]:
    """A company on SQLite; the examples of one test go on with the same one."""
    engine = make_engine(sqlite_url)
    company = registry.add(
        engine, keys, name="Alice", mosaic_url="", mosaic_team="1", now=clock()
    )
    desk = Desk(engine, keys, clock, Settings(database_url=sqlite_url), company)
    yield Fuzzed(desk)
    desk.file.close()
    engine.dispose()


def test_whatever_is_posted_gets_an_answer_of_the_protocol(fuzzed: Fuzzed) -> None:
    """Never a fault, an error page or an exception."""

    @few(150)
    @given(seeds())
    def check(seed: random.Random) -> None:
        fuzzed.any_call(seed)

    check()


def test_whatever_quickbooks_seems_to_answer_no_job_is_lost(fuzzed: Fuzzed) -> None:
    """Each goes on or says why not; with true answers everything is read in the end."""

    @few(25)
    @given(seeds())
    def check(seed: random.Random) -> None:
        fuzzed.any_answer(seed)

    check()
    for _ in range(3):
        fuzzed.true_answers()
    fuzzed.goes_on()
    assert not any(job.state == "ready" for job in fuzzed.desk.jobs())
    assert fuzzed.desk.names() >= {("employee", "Ada"), ("customer", "Harbor:Pier")}


@pytest.mark.soak
@pytest.mark.skipif(not MINUTES, reason="FUZZ_MINUTES is not set")
def test_memory_stays_flat_however_long_it_goes_on(fuzzed: Fuzzed) -> None:
    """Start, middle and end of FUZZ_MINUTES."""

    def once(seed: random.Random) -> None:
        for _ in range(20):
            fuzzed.any_call(seed)
        fuzzed.any_answer(seed)

    start, _, end = for_long(once)
    assert end < start + 60
