"""One deployment for all tests, which leave it up and both sides equal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker import compose
from tests.docker.compose import Project
from tests.docker.house import House, prepare


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A copy of the project, up, as an operator's first commands make it."""
    if why := compose.why_not():
        pytest.skip(f"NOT RUN IN CONTAINERS: {why}")
    folder = tmp_path_factory.mktemp("docker")
    log = Path(os.environ.get("DOCKER_TEST_LOG", folder / "docker-test.log"))
    with log.open("w") as opened:
        made = Project(folder, opened)
        made.port = prepare(made)
        made.down()
        try:
            made.up("--build")
            yield made
        finally:
            made.logs()
            made.down()


@pytest.fixture(scope="session")
def lived_in(
    project: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A company of that server, after its first sync."""
    made = House(project, tmp_path_factory.mktemp("house"), project.port)
    try:
        made.sync()
        yield made
    finally:
        made.close()


@pytest.fixture
def house(lived_in: House) -> House:
    """The company, with everything up: one server, one worker."""
    if not lived_in.project.is_whole():
        lived_in.project.up()
    return lived_in
