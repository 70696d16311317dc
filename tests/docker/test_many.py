"""Many servers and workers, of which some die or are started anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.docker.house import ANSWER, At, House

pytestmark = pytest.mark.docker
_HEALTH_CHECKS = 5
"""Connections that a container may have accepted of itself meanwhile."""


@pytest.fixture(scope="module")
def many(lived_in: House) -> Iterator[House]:
    """The company, with three servers and two workers."""
    lived_in.project.up("--scale", "web=3", "--scale", "worker=2")
    yield lived_in
    lived_in.project.up()


def test_every_server_gets_calls_and_every_worker_companies(many: House) -> None:
    """The proxy knows the new ones by itself, and the database spreads the work."""
    project = many.project
    servers = project.containers("web")
    workers = {project.address(one) for one in project.containers("worker")}
    assert (len(servers), len(workers)) == (3, 2)
    before = [project.connections(one) for one in servers]

    for _ in range(4):
        assert many.connect().error is None

    after = [project.connections(one) for one in servers]
    accepted = [now - then for now, then in zip(after, before, strict=True)]
    project.note(f"Connections that each server accepted: {accepted}")
    assert min(accepted) > _HEALTH_CHECKS
    many.sandbox.callers.clear()
    for _ in range(8):
        if many.sandbox.callers >= workers:
            break
        many.goes_on()
    assert many.sandbox.callers >= workers


def test_a_session_goes_on_while_each_server_is_started_anew(many: House) -> None:
    """One after the other, with calls at every moment of it: none is lost."""
    many.edit()
    project = many.project
    done: list[str] = []

    def roll() -> None:
        for one in project.containers("web"):
            project.run("docker", "restart", one)
            project.healthy(("web",))
            done.append(one)

    rolling = threading.Thread(target=roll)
    rolling.start()
    calls = 0
    while rolling.is_alive():
        run = many.connect()
        assert run.error is None, run.result
        calls += len(run.calls)
    rolling.join()

    assert len(done) == 3
    project.note(f"{calls} calls while all servers were started anew")
    assert calls > 30
    many.sync()
    many.must_arrive()


def test_a_server_that_is_killed_takes_at_most_the_call_it_had(many: House) -> None:
    """The next run goes on, with the servers that are left."""
    many.edit()
    victim = many.project.containers("web")[0]

    kill = At(ANSWER, lambda: many.project.kill(victim))
    many.connect(kill)

    assert kill.done
    assert many.project.states([victim])[0].startswith("exited")
    many.sync()
    many.must_arrive()
    many.project.revive(victim)


def test_a_worker_that_is_killed_is_replaced_by_the_other(many: House) -> None:
    """Its company is free again when its lease has ended."""
    many.edit()
    assert many.connect().error is None
    victim = many.project.containers("worker")[0]
    many.project.kill(victim)

    many.sync()
    many.must_arrive()
    many.project.revive(victim)
