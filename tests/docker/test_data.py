"""What becomes of the data: another schema, a backup, a volume that is gone."""

from __future__ import annotations

import json
import shutil

import pytest
from alembic.script import ScriptDirectory

from tests.docker.compose import PROJECT, TREE
from tests.docker.house import NAME, House

pytestmark = pytest.mark.docker


def test_an_upgrade_from_the_revision_before_keeps_everything(house: House) -> None:
    """The older schema is refused with the command to run; after it all goes on."""
    project = house.project
    head = project.sql("SELECT version_num FROM alembic_version")
    before = _before(head)
    project.compose("stop", "worker")
    project.server("database", "downgrade", before, "--yes")

    status, text = house.ask(f"{house.url}/readyz")
    assert status == 503
    assert "`qbwc-server database upgrade`" in text
    refused = project.compose("run", "--rm", "--no-deps", "worker", fails=True)
    assert "`qbwc-server database upgrade`" in refused

    printed = project.server("database", "upgrade", "--sql")
    assert f"version_num='{head}'" in printed.replace(" ", "")
    assert project.sql("SELECT version_num FROM alembic_version") == before
    # As docs/operations.md says it: the new schema first, then the programs.
    project.compose("run", "--rm", "roles")
    project.compose("run", "--rm", "migrate")
    project.up()
    assert project.sql("SELECT version_num FROM alembic_version") == head
    house.goes_on()


def test_an_installation_with_one_login_gets_three(house: House) -> None:
    """By the handbook: `make env` adds what .env lacks, `roles` makes the logins."""
    project = house.project
    head = project.sql("SELECT version_num FROM alembic_version")
    project.compose("stop", "web", "worker")
    project.server("database", "downgrade", _before("0026"), "--yes")
    project.sql("DROP OWNED BY qbwc_web, qbwc_reader; DROP ROLE qbwc_web, qbwc_reader")
    env = project.folder / ".env"
    had = [
        line
        for line in env.read_text().splitlines()
        if not line.startswith(
            ("QBWC_SERVING", "QBWC_SUPPORT", "QBWC_METRICS", "QBWC_SECRETS")
        )
    ]
    env.write_text("\n".join(had))
    shutil.rmtree(project.folder / "secrets")
    assert "run make env" in project.compose("up", "-d", fails=True)

    project.run("make", "env")
    assert env.read_text().splitlines()[: len(had)] == had
    assert len(env.read_text().splitlines()) == len(had) + 4
    project.compose("run", "--rm", "roles")
    project.compose("run", "--rm", "migrate")
    project.up()

    assert project.sql("SELECT version_num FROM alembic_version") == head
    logins = "SELECT DISTINCT usename FROM pg_stat_activity WHERE datname = 'qbwc'"
    assert "qbwc_web" in (found := project.sql(logins).splitlines())
    assert "qbwc" not in found
    house.goes_on()
    refused = project.inside(
        *("web", "qbwc-server", "company", "list"),
        fails=True,
    )
    assert "docker-compose run --rm operator" in refused
    assert NAME in project.server("company", "list")
    told = project.server("doctor", "--json", fails=True)
    assert "To serve with: qbwc_web." in told


def _before(revision: str) -> str:
    """Return the revision before one."""
    script = ScriptDirectory(str(TREE / "migrations"))
    return str(script.get_revision(revision).down_revision)


def test_going_back_to_the_program_before_is_starting_it(house: House) -> None:
    """The next revision stands for a newer program's: `migrate` leaves it as it is."""
    project = house.project
    head = project.sql("SELECT version_num FROM alembic_version")
    newer = "UPDATE alembic_version SET version_num = '{:04}'"
    project.sql(newer.format(int(head) + 1))
    try:
        project.up("--force-recreate")
        house.goes_on()
        project.sql(newer.format(int(head) + 2))
        project.compose("up", "-d", "--force-recreate", fails=True)
        assert "Start the newer program" in project.compose("logs", "migrate")
    finally:
        project.sql(newer.format(int(head)))
        project.up()


def test_a_backup_brings_everything_back(house: House) -> None:
    """Also what came after it, which both sides still know; nothing comes twice."""
    project = house.project
    house.goes_on()
    project.run("make", "backup", "FILE=one.dump")
    house.add("after the backup")
    house.goes_on()

    project.compose("down")
    project.run("docker", "volume", "rm", f"{PROJECT}_db")
    project.run("make", "restore", "FILE=one.dump")
    project.healthy()

    shown = json.loads(project.server("company", "show", NAME, "--json"))
    assert shown["name"] == NAME
    assert project.server("database", "check").endswith("and fits.\n")
    house.goes_on()
    house.must_have_once("after the backup")
