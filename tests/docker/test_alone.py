"""One of each, and that one is started anew in the middle of a session."""

from __future__ import annotations

import pytest

from tests.docker.house import ANSWER, At, House

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("service", ["web", "worker"])
def test_a_session_survives_a_restart_of(house: House, service: str) -> None:
    """Its calls wait at the proxy until the server is back."""
    house.edit()

    restart = At(ANSWER, lambda: house.project.compose("restart", service))

    run = house.connect(restart)

    assert restart.done
    assert run.error is None, run.result
    house.sync()
    house.must_arrive()


def test_a_session_survives_a_container_made_anew(house: House) -> None:
    """That is what an upgrade does."""
    house.edit()
    words = ("up", "-d", "--no-deps", "--force-recreate", "web")
    anew = At(ANSWER, lambda: house.project.compose(*words))

    run = house.connect(anew)

    assert anew.done
    assert run.error is None, run.result
    house.sync()
    house.must_arrive()


@pytest.mark.parametrize("service", ["db", "proxy"])
def test_the_next_session_goes_on_after_a_restart_of(
    house: House, service: str
) -> None:
    """It may end the session it meets, but nothing is lost or done twice."""
    house.edit()

    restart = At(ANSWER, lambda: house.project.compose("restart", service))
    house.connect(restart)

    assert restart.done

    house.project.healthy()
    house.sync()
    house.must_arrive()


def test_a_server_that_stops_ends_by_itself(house: House) -> None:
    """It is not killed after the time it is given."""
    for service in ("web", "worker"):
        (one,) = house.project.containers(service)
        house.project.compose("stop", service)
        code = house.project.run(
            *("docker", "inspect", "--format", "{{.State.ExitCode}}", one)
        )
        assert code.strip() == "0"
    house.project.up()
    house.goes_on()


def test_without_servers_the_proxy_says_so_in_plain_text(house: House) -> None:
    """After PROXY_WAIT; HTML would stand in Web Connector's window."""
    house.project.compose("stop", "web")
    try:
        status, text = house.ask(f"{house.url}/healthz")
    finally:
        house.project.up()
    assert status in {502, 503}
    assert text == "The server does not answer. It will be tried again."
