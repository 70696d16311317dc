"""One command after the other, as docs/operations.md says them, on a fresh machine."""

from __future__ import annotations

import json
import ssl
import stat
import urllib.request

import pytest

from tests.docker.compose import Project
from tests.docker.house import House
from tests.proxy.test_inside import SPELLINGS

pytestmark = pytest.mark.docker
_FIGURES = """
import os, pathlib, urllib.request
token = pathlib.Path(os.environ["QBWC_METRICS_TOKEN_FILE"]).read_text().strip()
shown = {"Authorization": f"Bearer {token}"}
asked = urllib.request.Request("http://localhost:8000/metrics", headers=shown)
print(urllib.request.urlopen(asked).read().decode())
"""


def test_both_sides_agree_after_the_first_sync(house: House) -> None:
    """And after an edit on each, over TLS that is verified."""
    house.must_agree()
    house.goes_on()


def test_an_env_is_written_once_for_its_owner_alone(project: Project) -> None:
    """With secrets that nobody else has."""
    path = project.folder / ".env"
    before = path.read_text()

    said = project.run("make", "env")

    assert "There is an .env already; it has all it needs." in said
    assert path.read_text() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    values = project.told()
    secrets = {values[name] for name in values if name.endswith(("_KEY", "_PASSWORD"))}
    assert {len(one) for one in secrets} == {64}
    assert len(secrets) == 5


def test_the_server_is_healthy_and_says_so_through_the_proxy(house: House) -> None:
    """And its inside is not shown there."""
    assert house.ask(f"{house.url}/healthz") == (200, "qbwc-server\n")
    assert house.ask(f"{house.url}/readyz") == (200, "ready\n")


def test_the_figures_are_for_the_inside(house: House) -> None:
    """Whoever has the token; no spelling of the path brings them through the proxy."""
    project = house.project
    shown = {"Authorization": f"Bearer {project.told()['QBWC_METRICS_TOKEN']}"}
    inside = project.inside("web", "python3", "-c", _FIGURES)
    assert "qbwc_database_ready 1.0" in inside
    outside = f"http://localhost:{project.told()['PROXY_HTTP_PORT']}"
    for path in SPELLINGS:
        assert house.ask(f"{house.url}{path}", headers=shown)[0] == 404, path
        assert house.ask(f"{outside}{path}", headers=shown)[0] == 404, path


def test_the_engine_tells_no_secret(house: House) -> None:
    """Neither of a container nor of its environment."""
    project = house.project
    told = project.inspected()
    secrets = {
        value
        for name, value in project.told().items()
        if name.endswith(("_KEY", "_PASSWORD", "_TOKEN"))
    }
    assert len(secrets) == 6
    assert not [one for one in secrets if one in told]
    for service in ("db", "web", "worker"):
        environment = project.inside(service, "env")
        assert not [one for one in secrets if one in environment]


def test_another_secret_makes_those_anew_that_read_it(house: House) -> None:
    """After `make env` and `up`, as the handbook says; and all goes on."""
    project = house.project
    path = project.folder / ".env"
    had = project.told()["QBWC_SERVING_PASSWORD"]
    before = {one: project.containers(one) for one in ("db", "web", "worker")}
    path.write_text(path.read_text().replace(had, had[::-1]))

    project.run("make", "env")
    project.up()

    assert project.containers("db") == before["db"]
    assert project.containers("web") != before["web"]
    assert project.containers("worker") != before["worker"]
    assert had not in project.inside("web", "cat", "/run/secrets/SERVING_URL")
    house.goes_on()


def test_no_container_fills_the_memory_or_the_disk(house: House) -> None:
    """Of what it takes and of what it logs there is an end."""
    for one in json.loads(house.project.inspected()):
        set_to = one["HostConfig"]
        assert set_to["Memory"] > 0, one["Name"]
        assert set_to["LogConfig"]["Type"] == "json-file"
        assert set_to["LogConfig"]["Config"] == {"max-size": "20m", "max-file": "5"}


def test_the_database_takes_the_connections_that_env_says(house: House) -> None:
    """Those of the scale."""
    said = house.project.told()["POSTGRES_MAX_CONNECTIONS"]
    assert house.project.sql("SHOW max_connections") == said


def test_the_certificate_is_worth_something_only_to_who_knows_the_authority(
    house: House,
) -> None:
    """The tests do not pass because nobody looks."""
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(f"{house.url}/healthz", timeout=10)


def test_tls_1_2_is_enough(house: House) -> None:
    """The Web Connector of older Windows knows no later one; older ones are refused."""
    house.context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        assert house.ask(f"{house.url}/healthz")[0] == 200
    finally:
        house.context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED


def test_plain_http_is_refused_not_redirected(project: Project) -> None:
    """Web Connector follows no redirects, and a password would be read on the way."""
    lines = (project.folder / ".env").read_text().splitlines()
    (port,) = (
        one.partition("=")[2] for one in lines if one.startswith("PROXY_HTTP_PORT")
    )
    said = project.run(
        *("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}"),
        f"http://localhost:{port}/",
    )
    assert said == "403"


@pytest.mark.parametrize("service", ["web", "worker", "proxy"])
def test_a_container_can_do_nothing_but_its_work(house: House, service: str) -> None:
    """It is not root, holds no capability, and can write nothing that stays."""
    inside = house.project.inside
    assert inside(service, "id", "-u").strip() == "10001"
    status = inside(service, "cat", "/proc/1/status")
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert told["Uid"].split() == ["10001"] * 4
    assert int(told["CapEff"], 16) == int(told["CapPrm"], 16) == 0
    assert told["NoNewPrivs"] == "1"
    bound = 1 << 10 if service == "proxy" else 0
    assert int(told["CapBnd"], 16) == bound
    for path in ("/here", "/etc/here", "/usr/here"):
        assert "Read-only" in inside(service, "sh", "-c", f"echo > {path}", fails=True)


def test_the_database_runs_as_its_own_user_and_serves_no_superuser(
    house: House,
) -> None:
    """Who serves owns nothing, who owns the tables owns nothing else."""
    status = house.project.inside("db", "cat", "/proc/1/status")
    told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in told["Uid"].split()
    assert int(told["CapEff"], 16) == 0
    refused = house.project.inside("db", "sh", "-c", "echo > /etc/x", fails=True)
    assert "Read-only" in refused
    roles = house.project.sql(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb"
        " FROM pg_roles WHERE rolname LIKE 'qbwc%' ORDER BY 1"
    )
    names = ("qbwc", "qbwc_app", "qbwc_reader", "qbwc_support", "qbwc_web")
    assert roles.splitlines() == [f"{name}|f|f|f|f" for name in names]
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert house.project.sql(owners) == "qbwc"
    users = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'qbwc'"
    found = set(house.project.sql(users).split()) - {"qbwc_reader"}
    assert found == {"qbwc_web", "postgres"}


def test_the_proxy_does_not_reach_the_database(house: House) -> None:
    """Who takes it over is not yet where the data is."""
    refused = house.project.inside("proxy", "getent", "hosts", "db", fails=True)
    assert refused == ""


def test_only_the_proxy_is_published(house: House) -> None:
    """Web Connectors cannot go around it."""
    for service, most in (("web", 0), ("worker", 0), ("db", 0), ("proxy", 2)):
        for one in house.project.containers(service):
            told = json.loads(house.project.run("docker", "inspect", one))[0]
            ports = told["NetworkSettings"]["Ports"] or {}
            assert len([port for port in ports.values() if port]) == most
