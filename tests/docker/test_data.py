"""What becomes of the data: another schema, a backup, a volume that is gone."""

from __future__ import annotations

import json

import pytest

from tests.docker.house import NAME, House

pytestmark = pytest.mark.docker


def test_an_upgrade_from_the_revision_before_keeps_everything(house: House) -> None:
    """The older schema is refused with the command to run; after it all goes on."""
    project = house.project
    head = project.sql("SELECT version_num FROM alembic_version")
    before = f"{int(head) - 1:04}"
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
    project.compose("run", "--rm", "migrate")
    project.up()
    assert project.sql("SELECT version_num FROM alembic_version") == head
    house.goes_on()


def test_a_backup_brings_everything_back(house: House) -> None:
    """Also what came after it, which both sides still know; nothing comes twice."""
    project = house.project
    house.goes_on()
    project.run("make", "backup", "FILE=one.dump")
    made = house.people.time()[-1]
    house.people.add_time(
        made["member_id"],
        house.file.store.today(),
        0.5,
        project=made["project_id"],
        category=made["standard_work_category_id"],
        text="after the backup",
        billable=False,
    )
    house.goes_on()

    project.compose("down")
    project.run("docker", "volume", "rm", "qbwc-docker-test_db")
    project.run("make", "restore", "FILE=one.dump")
    project.healthy()

    shown = json.loads(project.server("company", "show", NAME, "--json"))
    assert shown["name"] == NAME
    assert project.server("database", "check").endswith("and fits.\n")
    house.goes_on()
    rows = house.file.store.all(
        "SELECT * FROM time_entry WHERE notes = 'after the backup'"
    )
    assert len(rows) == 1
