"""The doctor finds each thing that is wrong, with a real one that is wrong."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy.engine import Engine

from qbwc_server.cli import main
from qbwc_server.companies import attention, heartbeat, registry
from qbwc_server.companies.registry import NewCompany
from qbwc_server.keys import Keys
from qbwc_server.operations import doctor, public_address
from qbwc_server.operations.doctor_result import Finding
from qbwc_server.settings import Settings
from qbwc_server.storage import schema, tables, walls
from qbwc_server.storage.database import company_transaction, make_engine, transaction
from qbwc_server.storage.room import Room
from tests import logged_in
from tests.conftest import Clock
from tests.operations.certificates import Authority, Site, serving

NewCompanies = Callable[..., NewCompany]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs."""
    return Authority(tmp_path_factory.mktemp("authority"))


def looked(
    authority: Authority,
    context: ssl.SSLContext | None,
    site: type[Site] = Site,
    *,
    believed: bool = True,
) -> dict[str, Finding]:
    """Return what is found of a site, by what was looked at."""
    with serving(site, context) as port:
        scheme = "http" if context is None else "https"
        found = public_address.look(
            f"{scheme}://localhost:{port}",
            datetime.now(UTC),
            authorities=str(authority.file) if believed else None,
        )
        return {one.check: one for one in found}


def wrong(found: dict[str, Finding]) -> dict[str, str]:
    """Return what is not right and how much; each says what to do."""
    bad = {name: one for name, one in found.items() if one.state != "ok"}
    assert all(one.do for one in bad.values())
    return {name: one.state for name, one in bad.items()}


def test_a_good_address_has_nothing_wrong(authority: Authority) -> None:
    """Everything was looked at."""
    found = looked(authority, authority.context())
    assert wrong(found) == {}
    assert set(found) == {"dns", "certificate", "tls 1.2", "get", "post", "large post"}
    assert "89 days left" in found["certificate"].said


def test_a_certificate_that_nobody_signed(authority: Authority) -> None:
    """Windows would not believe it."""
    found = looked(authority, authority.context(by_itself=True))
    assert wrong(found) == {"certificate": "fail"}
    assert "by itself" in found["certificate"].said
    assert "get" not in found, "what cannot work is not asked"


def test_a_certificate_that_has_expired(authority: Authority) -> None:
    """Nor this one."""
    found = looked(authority, authority.context(days=-1))
    assert wrong(found) == {"certificate": "fail"}
    assert "has expired" in found["certificate"].said


def test_a_certificate_that_expires_soon(authority: Authority) -> None:
    """There is time, but somebody should look."""
    found = looked(authority, authority.context(days=5))
    assert wrong(found) == {"certificate": "warn"}
    assert "post" in found


@pytest.mark.parametrize(
    ("life", "left", "soon"),
    [
        (timedelta(days=90), timedelta(days=15), False),
        (timedelta(days=90), timedelta(days=13), True),
        (timedelta(days=365), timedelta(days=15), False),
        (timedelta(days=6), timedelta(days=2), False),
        (timedelta(days=6), timedelta(hours=23), True),
        (timedelta(hours=12), timedelta(hours=4), False),
        (timedelta(hours=12), timedelta(hours=1), True),
    ],
)
def test_a_certificate_should_have_been_renewed(
    life: timedelta, left: timedelta, soon: bool
) -> None:
    """By what it was given: that of the proxy's own authority lives twelve hours."""
    ends = datetime(2026, 3, 2, tzinfo=UTC)
    assert public_address.ends_soon(ends - life, ends, ends - left) is soon


def test_a_certificate_of_another_name(authority: Authority) -> None:
    """It says for which name one is needed."""
    found = looked(authority, authority.context("example.com"))
    assert wrong(found) == {"certificate": "fail"}
    assert "is not for localhost" in found["certificate"].said


def test_a_chain_that_is_not_complete(authority: Authority) -> None:
    """Browsers forgive that, Windows' services do not."""
    found = looked(authority, authority.context(alone=True))
    assert wrong(found) == {"certificate": "fail"}
    assert "fullchain" in found["certificate"].do


def test_an_authority_that_nobody_knows(authority: Authority) -> None:
    """A private one is believed only where it is named."""
    found = looked(authority, authority.context(), believed=False)
    assert wrong(found) == {"certificate": "fail"}


def test_a_server_that_refuses_tls_1_2(authority: Authority) -> None:
    """Web Connector speaks nothing newer."""
    context = authority.context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    assert wrong(looked(authority, context)) == {"tls 1.2": "fail"}


def test_a_port_that_nobody_answers(authority: Authority) -> None:
    """It names host and port."""
    found = list(public_address.look("https://localhost:1", datetime.now(UTC)))
    assert found[-2].check == "connection"
    assert found[-2].state == "fail"
    assert authority.file.exists()


def test_a_name_that_is_not_known() -> None:
    """Nothing else is asked then."""
    found = list(public_address.look("https://no.such.invalid", datetime.now(UTC)))
    assert [(one.check, one.state) for one in found] == [("dns", "fail")]


def test_an_address_without_https() -> None:
    """Passwords would travel in the clear."""
    found = list(public_address.look("http://q.example.com", datetime.now(UTC)))
    assert [(one.check, one.state) for one in found] == [("address", "fail")]


class _Redirects(Site):
    def do_GET(self) -> None:  # noqa: N802
        self.say(301, b"", Location="https://www.example.com/qbwc")


class _NotThere(Site):
    def do_GET(self) -> None:  # noqa: N802
        self.say(404, b"nothing")


class _Wall(Site):
    """A firewall that knows which browsers people use."""

    def do_POST(self) -> None:  # noqa: N802
        self.taken()
        if "MSIE 6.0" in self.headers["User-Agent"]:
            self.say(403, b"<html>Are you human?</html>")
        else:
            super().do_POST()


class _Challenge(Site):
    """One that says 200 and means no."""

    def do_POST(self) -> None:  # noqa: N802
        self.taken()
        self.say(200, b"<html>Are you human?</html>")


class _Small(Site):
    """nginx as it comes."""

    def do_POST(self) -> None:  # noqa: N802
        if self.taken() > 1024 * 1024:
            self.say(413, b"too large")
        else:
            self.say(200, b"<serverVersionResult>x</serverVersionResult>")


@pytest.mark.parametrize(
    ("site", "check", "said"),
    [
        (_Redirects, "get", "redirected to https://www.example.com/qbwc"),
        (_NotThere, "get", "404"),
        (_Wall, "post", "gets 403"),
        (_Challenge, "post", "answered by something else"),
        (_Small, "large post", "2 MB"),
    ],
)
def test_a_proxy_that_is_in_the_way(
    authority: Authority, site: type[Site], check: str, said: str
) -> None:
    """Each is told apart from the others."""
    found = looked(authority, None, site)
    assert wrong(found) == {check: "fail"}
    assert said in found[check].said


def states(found: list[Finding]) -> dict[str, str]:
    """Return what was looked at and how it is."""
    return {one.check: one.state for one in found}


def test_a_database_that_is_right_and_ones_that_are_not(
    engine: Engine, clock: Clock, tmp_path: Path
) -> None:
    """Away, at another revision, or full."""
    now = lambda: datetime.now(UTC)  # noqa: E731 - a clock
    found = list(doctor.of_database(engine, now, lambda _: Room(2**40)))
    assert set(states(found).values()) == {"ok"}

    away = make_engine(f"sqlite:///{tmp_path}/nowhere/x.db")
    assert states(list(doctor.of_database(away, now))) == {"database": "fail"}
    for full in (Room(0), Room(0, read_only=True)):
        found = list(doctor.of_database(engine, now, {engine: full}.__getitem__))
        assert states(found)["disk"] == "fail"
    if engine.dialect.name != "sqlite":
        found = list(doctor.of_database(engine, clock, lambda _: Room(2**40)))
        assert states(found)["clock"] == "fail", "the test's clock is months away"
    schema.downgrade(engine, "0008")
    found = list(doctor.of_database(engine, now, lambda _: Room(2**40)))
    assert states(found)["schema"] == "fail"
    assert found[-1].do == "qbwc-server database upgrade"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_whether_there_is_a_login_to_serve_with(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner's alone is a failure; a serving login cannot look at companies."""
    (found,) = doctor.of_logins(engine)
    assert found.state == "ok"
    assert logged_in.SERVING in found.said
    monkeypatch.setattr(walls, "serving_logins", lambda _: [])
    (found,) = doctor.of_logins(engine)
    assert found.state == "fail"
    assert "IN ROLE qbwc_app" in found.do
    url = engine.url.render_as_string(hide_password=False)
    theirs = make_engine(logged_in.url_as(url, logged_in.SERVING))
    held, companies = doctor.of_logins(theirs)
    assert (held.state, companies.state) == ("ok", "warn")
    assert "operator doctor" in companies.do
    theirs.dispose()


def test_processes_that_were_never_started_or_have_stopped(
    engine: Engine, clock: Clock
) -> None:
    """With the command that starts them."""
    found = list(doctor.of_processes(engine, clock()))
    assert states(found) == {"server": "fail", "worker": "fail"}
    with transaction(engine) as connection:
        heartbeat.beat(connection, clock())
        heartbeat.beat(connection, clock(), heartbeat.WORKER)
    assert set(states(list(doctor.of_processes(engine, clock()))).values()) == {"ok"}
    clock.pass_(minutes=4)
    with transaction(engine) as connection:
        heartbeat.beat(connection, clock())
    found = list(doctor.of_processes(engine, clock()))
    assert states(found) == {"server": "ok", "worker": "fail"}
    assert found[1].do.endswith("qbwc-server worker")


def test_a_secret_key_that_opens_nothing(
    engine: Engine, new_company: NewCompanies, keys: Keys
) -> None:
    """It names the company."""
    new_company("Alice")
    every = registry.every(engine)
    assert [one.state for one in doctor.of_keys(every, keys)] == ["ok"]
    found = list(doctor.of_keys(every, Keys(["another key, as long as it must be"])))
    assert [(one.state, one.company) for one in found] == [
        ("fail", "Alice"),
        ("ok", ""),
    ]


@pytest.mark.parametrize(
    ("status", "state"), [(200, "ok"), (401, "fail"), (503, "fail"), (None, "fail")]
)
def test_mosaic_is_asked_with_the_company_s_key(
    engine: Engine,
    new_company: NewCompanies,
    keys: Keys,
    settings: Settings,
    clock: Clock,
    status: int | None,
    state: str,
) -> None:
    """A wrong key, a Mosaic in trouble, and none at all."""
    new_company("Alice")

    def answer(_request: httpx.Request) -> httpx.Response:
        if status is None:
            raise httpx.ConnectError("no route")
        return httpx.Response(status, json={"data": [], "clients": []})

    found = doctor.of_mosaic(
        engine,
        registry.every(engine)[0],
        keys,
        settings,
        clock,
        transport=httpx.MockTransport(answer),
    )
    assert found.state == state
    assert "sandbox-key" not in found.said


def test_how_a_company_s_runs_and_work_are(
    engine: Engine, new_company: NewCompanies, clock: Clock
) -> None:
    """Never called, calls, late, hindered, failed and old work."""
    company_id = new_company("Alice").id

    def told() -> dict[str, str]:
        company = registry.find(engine, "Alice")
        return states(list(doctor.of_company(engine, company, clock())))

    assert told() == {"session": "warn", "jobs": "ok"}
    with company_transaction(engine, company_id) as connection:
        registry.change(connection, company_id, last_seen_at=clock())
    assert told() == {"session": "ok", "jobs": "ok"}
    with company_transaction(engine, company_id) as connection:
        connection.execute(
            tables.job.insert(),
            {
                "company_id": company_id,
                "id": 10,
                "state": "ready",
                "kind": "customer",
                "action": "read",
                "summary": "",
                "created_at": clock(),
                "run_at": clock(),
            },
        )
    assert told()["jobs"] == "ok"
    clock.pass_(hours=2)
    assert told() == {"session": "warn", "jobs": "warn"}
    with company_transaction(engine, company_id) as connection:
        attention.attend(
            connection, company_id, error_id="two-computers", text="Two.", now=clock()
        )
    assert told()["attention"] == "warn"


def test_proxies_that_are_not_named(settings: Settings) -> None:
    """Behind https there is one."""
    assert doctor.of_settings(settings).state == "ok"
    public = settings.model_copy(update={"public_url": "https://q.example.com"})
    assert doctor.of_settings(public).state == "warn"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_says_it_all_and_its_exit_code_the_worst(
    settings: Settings,
    engine: Engine,
    new_company: NewCompanies,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As lines for people and as JSON for programs."""
    new_company("Alice", mosaic_url="http://localhost:1")
    for name, value in {
        "QBWC_DATA_DIR": str(settings.data_dir),
        "QBWC_DATABASE_URL": settings.database_url,
        "QBWC_SECRET_KEY": settings.secret_key.get_secret_value(),
    }.items():
        monkeypatch.setenv(name, value)
    now = datetime.now(UTC)
    with transaction(engine) as connection:
        heartbeat.beat(connection, now)
        heartbeat.beat(connection, now, heartbeat.WORKER)
    with serving(Site, None) as port:
        monkeypatch.setenv("QBWC_PUBLIC_URL", f"http://localhost:{port}")

        def run(*arguments: str) -> tuple[int, str]:
            result = CliRunner().invoke(main, ["doctor", *arguments])
            return result.exit_code, result.output

        code, text = run("--json")
        found = json.loads(text)
        assert code == 2
        bad = {one["check"] for one in found if one["state"] == "fail"}
        assert bad == {"mosaic"}

        with engine.begin() as connection:
            connection.execute(tables.company.update().values(mosaic_key=None))
        code, text = run("--company", "Alice")
        assert code == 1
        assert "warn mosaic       Alice: It has no Mosaic key." in text
        assert "     -> qbwc-server company set" in text

        with engine.begin() as connection:
            connection.execute(tables.company.delete())
        assert run()[0] == 0

    monkeypatch.setenv("QBWC_SECRET_KEY", "short")
    code, text = run()
    assert code == 2
    assert "fail settings" in text
