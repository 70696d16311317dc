"""The sandbox Web Connector makes the calls the real one makes, over a real socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qbwc_server.sandbox.quickbooks.refusal import QuickBooksRefusal
from qbwc_server.sandbox.web_connector.interference import (
    Call,
    ConnectionLost,
    SendAgain,
    Vanish,
)
from qbwc_server.sandbox.web_connector.program import Run, WebConnector
from qbwc_server.sandbox.web_connector.registration import Application, add
from qbwc_server.sandbox.web_connector.scripted_service import (
    QUERY,
    Answer,
    Raw,
    ScriptedService,
    envelope_of,
    serving,
)

OWNER_ID = "{0b9e4d0c-6f1f-4c7c-9d57-0a4c0d1b2e3f}"
FILE_ID = "{5c3a7b1e-2d4f-4a6b-8c9d-0e1f2a3b4c5d}"
SESSION = [
    *("serverVersion", "clientVersion", "authenticate"),
    *("sendRequestXML", "receiveResponseXML", "closeConnection"),
]
NOW = 1_559_218_803.0
WRONG_PASSWORD = "Invalid password for username alice"
POSTPONED = "Update postponed by application."
OUTSIDE = "Index was outside the bounds of the array."
NULL = "Object reference not set to an instance of an object."
FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    b"<s:Fault><faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>"
)


def reference_data() -> Path:
    """Find the reference data beside the repository or skip the test."""
    path = Path(__file__).parents[3] / "../shared/data"
    if not path.is_dir():
        pytest.skip("the reference data is not beside the repository")
    return path


class FakeCompanyFile:
    """Holds data extensions, answers anything else with its own request's name."""

    file_name = "C:\\Books\\Alice.QBW"

    def __init__(self) -> None:
        self.stamp: dict[str, str] = {}
        self.refusals: list[QuickBooksRefusal] = []
        self.refuse_requests_with: QuickBooksRefusal | None = None
        self.host = "".join(
            f"<SupportedQBXMLVersion>{version}</SupportedQBXMLVersion>"
            for version in ("CA2.0", "9.0", "13.0", "2.1")
        )
        self.events: list[str] = []
        self.requests: list[str] = []

    def begin_session(self, *, app_name: str, owner_id: str) -> FakeCompanyFile:
        """Open, or refuse as often as told."""
        del app_name, owner_id
        self.events.append("begin")
        if self.refusals:
            raise self.refusals.pop(0)
        return self

    def end(self) -> None:
        """Close."""
        self.events.append("end")

    def process(self, qbxml: str, /) -> str:
        """Answer the stamp's requests; note and answer all others."""
        if "<HostQueryRq" in qbxml:
            return self._answer(
                f"<HostQueryRs><HostRet><Country>US</Country>{self.host}</HostRet>"
                f"</HostQueryRs>{self._company()}<PreferencesQueryRs/>"
            )
        if "<CompanyQueryRq" in qbxml:
            return self._answer(self._company())
        if "<DataExtDefAddRq" in qbxml:
            return self._answer('<DataExtDefAddRs statusCode="3100"/>')
        if "<DataExtAddRq" in qbxml or "<DataExtModRq" in qbxml:
            [name] = re.findall(r"<DataExtName>(.*?)</DataExtName>", qbxml)
            [value] = re.findall(r"<DataExtValue>(.*?)</DataExtValue>", qbxml)
            self.stamp[name] = value
            self.events.append(f"{name}={value.split(':')[0]}")
            return self._answer('<DataExtModRs statusCode="0"/>')
        self.requests.append(qbxml)
        if self.refuse_requests_with is not None:
            raise self.refuse_requests_with
        return self._answer('<ClassQueryRs statusCode="1"/>')

    def _company(self) -> str:
        extensions = "".join(
            f"<DataExtRet><OwnerID>{OWNER_ID}</OwnerID><DataExtName>{name}"
            f"</DataExtName><DataExtValue>{value}</DataExtValue></DataExtRet>"
            for name, value in self.stamp.items()
        )
        return f"<CompanyQueryRs><CompanyRet>{extensions}</CompanyRet></CompanyQueryRs>"

    def _answer(self, content: str) -> str:
        return f"<QBXML>\n<QBXMLMsgsRs>\n{content}</QBXMLMsgsRs>\n</QBXML>\n"


@pytest.fixture
def service() -> ScriptedService:
    """The web service of a test."""
    return ScriptedService()


@pytest.fixture
def application(service: ScriptedService) -> Iterator[Application]:
    """An application as its .qwc file describes it, with its service running."""
    with serving(service) as url:
        yield Application(
            app_name="Mosaic",
            app_url=f"{url}/qbwc",
            app_support=f"{url}/support",
            username="alice",
            owner_id=OWNER_ID,
            file_id=FILE_ID,
            qb_type="QBFS",
            is_read_only=False,
            interval_seconds=60,
        )


class Desk:
    """A computer with the application added, and a way to run updates on it."""

    def __init__(self, application: Application) -> None:
        self.file = FakeCompanyFile()
        self.slept: list[float] = []
        self.lines: list[str] = []
        add(application, self.file)
        self.file.events.clear()
        self.connector = WebConnector(
            application,
            "secret-word",
            self.file,
            sleep=self.slept.append,
            log=self.lines.append,
            clock=lambda: NOW,
        )

    def run(self, on_call: Any = None) -> Run:
        """Run one update."""
        self.connector._on_call = on_call
        return self.connector.run()


@pytest.fixture
def desk(application: Application) -> Desk:
    """The computer of a test."""
    return Desk(application)


def test_calls_come_in_the_order_of_the_real_log(
    desk: Desk, service: ScriptedService
) -> None:
    """One round trip: certificate, versions, login, work, goodbye."""
    run = desk.run()

    assert service.events == ["GET", *SESSION]
    assert run == Run("Complete!", None, (100,), 1, tuple(SESSION), run.log)


def test_quickbooks_is_locked_during_work_and_closed_before_goodbye(
    desk: Desk, service: ScriptedService
) -> None:
    """The lock is taken first and released before the session ends."""
    service.events = desk.file.events

    desk.run()

    assert desk.file.events == [
        *("GET", "serverVersion", "clientVersion", "authenticate", "begin"),
        *("AppLock=LOCKED", "sendRequestXML", "receiveResponseXML"),
        *("AppLock=UNLOCKED", "end", "closeConnection"),
    ]
    assert desk.file.stamp["AppLock"] == "UNLOCKED:SANDBOX-PC"


def test_the_log_reads_like_the_real_one(desk: Desk) -> None:
    """Each line has date, UTC, tab and place, and the password is masked."""
    run = desk.run()

    assert run.log == tuple(desk.lines)
    assert all(
        line.startswith("20190530.12:20:03 UTC\t: QBWebConnector.") for line in run.log
    )
    assert not [line for line in run.log if "secret-word" in line]


def test_messages_of_the_real_log_appear_in_its_order(
    desk: Desk, service: ScriptedService
) -> None:
    """Places and main words of the recorded session occur in ours, in sequence."""
    recorded = (
        reference_data() / "captures/20190530_qbwc2.2_VERBOSE_qwclog_full_session.txt"
    ).read_text(encoding="utf-8")
    tail = recorded[recorded.index("send request no. 7") :]
    places = re.findall(r"QBWebConnector\.([\w.]+)\(\)", tail)
    service.answers["receiveResponseXML"] = [99, 100]

    ours = [
        match[1]
        for line in desk.run().log
        if (match := re.search(r"QBWebConnector\.([\w.]+)\(\)", line))
    ]

    ours = ours[-ours[::-1].index("SOAPWebService.do_sendRequestXML") - 1 :]
    common = [place for place in dict.fromkeys(places) if place in ours]
    assert len(common) >= 6
    assert list(dict.fromkeys(place for place in ours if place in common)) == common


def test_only_the_first_request_carries_the_first_answers(
    desk: Desk, service: ScriptedService
) -> None:
    """The first answers hold host, company with our stamp and preferences, once."""
    service.answers["receiveResponseXML"] = [40, 100]

    run = desk.run()

    first, second = service.arguments("sendRequestXML", "strHCPResponse")
    assert re.findall(r"<(\w+QueryRs)", first) == [
        *("HostQueryRs", "CompanyQueryRs", "PreferencesQueryRs"),
    ]
    assert FILE_ID in first
    assert second == ""
    assert run.percents == (40, 100)
    assert run.round_trips == 2


def test_file_country_and_version_travel_with_every_request(
    desk: Desk, service: ScriptedService
) -> None:
    """The highest version is found as a number, and old country versions ignored."""
    desk.run()

    assert service.arguments("sendRequestXML", "strCompanyFileName") == [
        desk.file.file_name
    ]
    assert service.arguments("sendRequestXML", "qbXMLCountry") == ["US"]
    assert service.arguments("sendRequestXML", "qbXMLMajorVers") == ["13"]
    assert service.arguments("sendRequestXML", "qbXMLMinorVers") == ["0"]


def test_a_refused_request_travels_as_hresult(
    desk: Desk, service: ScriptedService
) -> None:
    """QuickBooks' refusal of a whole set comes with an empty response."""
    desk.file.refuse_requests_with = QuickBooksRefusal("0x80040400", "parse <error>")

    desk.run()

    assert service.arguments("receiveResponseXML", "response") == [""]
    assert service.arguments("receiveResponseXML", "hresult") == ["0x80040400"]
    assert service.arguments("receiveResponseXML", "message") == ["parse <error>"]


def test_noop_waits_five_seconds_and_asks_again(
    desk: Desk, service: ScriptedService
) -> None:
    """The pause comes from getLastError saying NoOp, and costs QuickBooks nothing."""
    service.answers["sendRequestXML"] = ["NoOp", "", QUERY]
    service.answers["getLastError"] = ["NoOp"]

    run = desk.run()

    assert desk.slept == [5.0, 5.0]
    assert run.result == "Complete!"
    assert len(desk.file.requests) == 1


def test_an_empty_request_shows_the_last_error(
    desk: Desk, service: ScriptedService
) -> None:
    """Without NoOp from getLastError there is no pause: its text ends the run."""
    service.answers["sendRequestXML"] = [""]

    run = desk.run()

    assert run.result == "what went wrong"
    assert run.calls[-2:] == ("getLastError", "closeConnection")
    assert desk.slept == []


def test_a_negative_percentage_shows_the_last_error(
    desk: Desk, service: ScriptedService
) -> None:
    """The service ends the run and explains itself."""
    service.answers["receiveResponseXML"] = [50, -7]

    run = desk.run()

    assert run.percents == (50, -7)
    assert run.result == "what went wrong"
    assert run.calls[-2:] == ("getLastError", "closeConnection")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (["t", "none"], ("No Data Exchange", None, "closeConnection")),
        (["t", "NONE", "", ""], ("No Data Exchange", None, "closeConnection")),
        (["t", "nvu", "", ""], (WRONG_PASSWORD, "QBWC1040", "closeConnection")),
        (["t", "busy", "", ""], ("Application Busy", None, "authenticate")),
        (["t", "", "90", ""], (POSTPONED, None, "authenticate")),
        (["t"], (OUTSIDE, "QBWC1012", "authenticate")),
        (None, (NULL, "QBWC1012", "authenticate")),
    ],
)
def test_login_answers_without_work_never_touch_quickbooks(
    desk: Desk,
    service: ScriptedService,
    answer: Answer,
    outcome: tuple[str, str | None, str],
) -> None:
    """None, nvu, busy, postponed and broken answers end the run at once."""
    service.answers["authenticate"] = [answer]

    run = desk.run()

    assert ((run.result, run.error, run.calls[-1]), desk.file.events) == (outcome, [])
    assert run.postponed_seconds == (90 if "postponed" in run.result else 0)


def test_array_items_in_a_foreign_namespace_do_not_count(
    desk: Desk, service: ScriptedService
) -> None:
    """What WCF services answered broke the real one with QBWC1012."""
    foreign = envelope_of("authenticate", ["t", ""]).replace(b"ns1:string>", b"string>")
    service.answers["authenticate"] = [Raw("200 OK", "text/xml", foreign)]

    assert desk.run().error == "QBWC1012"


def test_the_service_can_raise_the_interval_but_not_lower_it(
    desk: Desk, service: ScriptedService
) -> None:
    """The fourth item is a floor in seconds."""
    service.answers["authenticate"] = [["t", "none", "", "300"], ["t", "none", "", "9"]]

    desk.run()
    desk.run()

    assert desk.connector.interval_seconds == 300


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("", None),
        (None, None),
        ("W:please update", None),
        ("E:too old", "QBWC1037"),
        ("O:99.0", "QBWC1037"),
        ("ok", "QBWC1046"),
        ("W:", "QBWC1046"),
    ],
)
def test_client_version_answers_are_obeyed(
    desk: Desk, service: ScriptedService, answer: str | None, error: str | None
) -> None:
    """Empty and W go on, E and O stop, everything else is bad syntax."""
    service.answers["clientVersion"] = [answer]

    run = desk.run()

    assert run.error == error
    assert ("authenticate" in run.calls) == (error is None)


def test_missing_version_methods_stop_nothing(
    desk: Desk, service: ScriptedService
) -> None:
    """Both are optional."""
    missing = Raw("404 Not Found", "text/html", b"?")
    service.answers["serverVersion"] = service.answers["clientVersion"] = [missing]

    assert desk.run().result == "Complete!"


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("authenticate", "QBWC1012"),
        ("sendRequestXML", "QBWC1041"),
        ("receiveResponseXML", "QBWC1042"),
        ("getLastError", "QBWC1043"),
        ("closeConnection", "QBWC1044"),
        ("connectionError", "QBWC1045"),
    ],
)
@pytest.mark.parametrize(
    "answer",
    [
        Raw("500 Error", "text/xml", b"<a/>"),
        Raw("500 Error", "text/html", b"<html>"),
        Raw("302 Found", "text/xml", b""),
        Raw("200 OK", "text/html", envelope_of("authenticate", ["t", ""])),
        Raw("200 OK", "text/xml", b""),
        Raw("200 OK", "text/xml", b"Warning: mysql<?xml version='1.0'?>"),
        Raw("200 OK", "text/xml", envelope_of("somethingElse", "")),
        Raw("500 Error", "text/xml", FAULT),
    ],
)
def test_a_failed_call_ends_the_run_with_the_code_of_its_method(
    desk: Desk, service: ScriptedService, method: str, error: str, answer: Any
) -> None:
    """Errors, redirects, faults and pages all do; no call follows, none is repeated."""
    if method == "getLastError":
        service.answers["sendRequestXML"] = [""]
    if method == "connectionError":
        desk.file.refusals = [QuickBooksRefusal("0x80040408", "no")] * 2
    service.answers[method] = [answer]

    run = desk.run()

    assert run.error == error
    assert run.calls[-1] == method
    assert run.calls.count(method) == 1
    assert desk.file.stamp["AppLock"].startswith("UNLOCKED")


@pytest.mark.parametrize("method", ["sendRequestXML", "closeConnection"])
def test_a_null_string_is_a_null_reference(
    desk: Desk, service: ScriptedService, method: str
) -> None:
    """A result element left out breaks Web Connector."""
    service.answers[method] = [None]

    assert "Object reference" in desk.run().result


@pytest.mark.parametrize("status", ["302 Found", "405 No", "500 Error"])
def test_the_page_behind_the_url_must_answer(
    desk: Desk, service: ScriptedService, status: str
) -> None:
    """The certificate check wants 200 and follows no redirect."""
    service.get_status = status

    run = desk.run()

    assert run.error == "QBWC1048"
    assert run.calls == ()


def test_quickbooks_is_tried_twice_before_the_service_hears(
    desk: Desk, service: ScriptedService
) -> None:
    """One refusal passes unseen, two are told with hresult and message."""
    refusal = QuickBooksRefusal("0x80040414", "A dialog & more")
    desk.file.refusals = [refusal]

    assert desk.run().result == "Complete!"

    desk.file.refusals = [refusal, refusal]
    run = desk.run()

    assert (run.error, run.result) == ("QBWC1013", "A dialog & more")
    assert run.calls[-2:] == ("connectionError", "closeConnection")
    assert service.arguments("connectionError", "hresult") == ["0x80040414"]
    assert service.arguments("connectionError", "message") == ["A dialog & more"]


def test_connection_error_can_name_another_file(
    desk: Desk, service: ScriptedService
) -> None:
    """A remembered path fails, '' takes the file that is open."""
    service.answers["authenticate"] = [["t", "C:\\Old\\Alice.QBW"]]
    service.answers["connectionError"] = ["", "done"]

    run = desk.run()

    assert service.arguments("connectionError", "hresult") == ["0x8004040A"]
    assert run.result == "Complete!"


def test_a_service_that_never_says_done_is_asked_in_a_loop(
    desk: Desk, service: ScriptedService
) -> None:
    """An answer that is always '' makes Web Connector try on and on."""
    desk.file.refusals = [QuickBooksRefusal("0x80040408", "no")] * 100
    service.answers["connectionError"] = [""]

    run = desk.run()

    assert run.calls.count("connectionError") == 20
    assert run.error == "QBWC1013"


def test_a_file_locked_by_another_computer_is_left_alone(desk: Desk) -> None:
    """The update is aborted, and the other's lock stays."""
    desk.file.stamp["AppLock"] = "LOCKED:OTHER-PC:636948155984807268"

    run = desk.run()

    assert "[OTHER-PC]" in run.result
    assert "sendRequestXML" not in run.calls
    assert run.calls[-1] == "closeConnection"
    assert desk.file.stamp["AppLock"].startswith("LOCKED:OTHER-PC")


def test_a_file_without_the_stamp_gets_no_work(desk: Desk) -> None:
    """An application that was removed or never added finds no lock to take."""
    desk.file.stamp.clear()

    assert desk.run().error == "QBWC1026"


class Raise:
    """Raises an exception before or after the first call of a method."""

    def __init__(self, moment: str, method: str, exception: type[Exception]) -> None:
        self.moment, self.method, self.exception = moment, method, exception
        self.answers: list[bytes] = []

    def before(self, call: Call, /) -> None:
        """Look, and perhaps raise."""
        self._at("before", call)

    def after(self, call: Call, answer: bytes, /) -> None:
        """Look, and perhaps raise."""
        self.answers.append(answer)
        self._at("after", call)

    def _at(self, moment: str, call: Call) -> None:
        if (moment, call.method) == (self.moment, self.method):
            raise self.exception


def test_a_computer_that_vanishes_leaves_its_lock_and_returns(
    desk: Desk, service: ScriptedService
) -> None:
    """No further call is made; the same computer takes its own lock again."""
    run = desk.run(Raise("after", "sendRequestXML", Vanish))

    assert run.vanished
    assert run.calls[-1] == "sendRequestXML"
    assert desk.file.requests == []
    assert desk.file.events[-1] == "end"
    assert desk.file.stamp["AppLock"].startswith("LOCKED:SANDBOX-PC:")

    assert desk.run().result == "Complete!"
    assert service.events.count("closeConnection") == 1


@pytest.mark.parametrize(("moment", "arrived"), [("before", 0), ("after", 1)])
def test_a_lost_connection_ends_the_run(
    desk: Desk, service: ScriptedService, moment: str, arrived: int
) -> None:
    """The answer of QuickBooks is delivered once at most, never again."""
    run = desk.run(Raise(moment, "receiveResponseXML", ConnectionLost))

    assert run.error == "QBWC1042"
    assert service.events.count("receiveResponseXML") == arrived
    assert len(desk.file.requests) == 1
    assert not run.vanished


def test_a_call_delivered_twice_is_read_once(
    desk: Desk, service: ScriptedService
) -> None:
    """The network repeats, Web Connector notices nothing."""
    run = desk.run(Raise("after", "receiveResponseXML", SendAgain))

    assert service.events.count("receiveResponseXML") == 2
    assert run.calls.count("receiveResponseXML") == 1
    assert run.percents == (100,)


def test_no_server_at_all_is_reported_by_authenticate(application: Application) -> None:
    """Version calls fail quietly, authenticate ends the run."""
    desk = Desk(application)
    desk.connector.application = replace(application, app_url="http://localhost:1/qbwc")

    run = desk.run()

    assert run.error == "QBWC1012"
    assert run.calls == ("serverVersion", "clientVersion", "authenticate")
