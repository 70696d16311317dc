"""`make restore`: cut off, given what is broken, done; nothing lost, nothing twice."""

from __future__ import annotations

import pytest

from tests.docker.house import House

pytestmark = pytest.mark.docker
_OID = "SELECT oid FROM pg_database WHERE datname = 'qbwc'"


@pytest.mark.parametrize(
    "step", ["restore: fill", "restore: stop", "restore: put", "restore: start"]
)
def test_a_restore_that_is_cut_off_doubles_nothing(house: House, step: str) -> None:
    """As a lost connection of the operator's: then everything is started again."""
    project = house.project
    project.run("make", "backup", "FILE=before.dump")
    text = f"after the backup, before {step}"
    house.add(text)
    house.goes_on()

    project.cut("make", "restore", "FILE=before.dump", at=step)
    project.up()

    house.goes_on()
    house.must_have_once(text)


def test_what_is_broken_or_of_others_is_refused_and_all_goes_on(house: House) -> None:
    """No container is even started anew."""
    project = house.project
    project.run("make", "backup", "FILE=whole.dump")
    whole = (project.folder / "whole.dump").read_bytes()
    (project.folder / "broken.dump").write_bytes(whole[: len(whole) * 9 // 10])
    (project.folder / "other.dump").write_text("of others\n")
    services = ("db", "web", "worker", "proxy")
    before = [project.containers(one) for one in services], project.sql(_OID)

    for name, told in (("broken", "is broken"), ("other", "is no backup")):
        said = project.run("make", "restore", f"FILE={name}.dump", fails=True)
        assert f"{name}.dump {told}" in said
    secret = project.folder / "secrets/QBWC_SECRET_KEY"
    text = secret.read_text()
    secret.write_text(f"another{text}")
    said = project.run("make", "restore", "FILE=whole.dump", fails=True)
    secret.write_text(text)
    assert "QBWC_SECRET_KEY opens nothing" in said

    assert ([project.containers(one) for one in services], project.sql(_OID)) == before
    assert project.is_whole()
    house.goes_on()


def test_a_restore_keeps_the_scale_and_what_was_in_place(house: House) -> None:
    """Which goes when an operator says so."""
    project = house.project
    project.up("--scale", "web=2")
    project.run("make", "backup")
    (file,) = project.folder.glob("qbwc-*.dump")
    house.add("after the second backup")
    house.goes_on()
    before = project.sql(_OID)

    project.run("make", "restore", f"FILE={file.name}")
    project.healthy()
    assert len(project.containers("web")) == 2
    assert project.sql(_OID) != before
    house.goes_on()
    house.must_have_once("after the second backup")

    for line in project.run("make", "kept").splitlines():
        project.run("make", "drop-kept", f"DATABASE={line.split()[0]}")
    assert project.run("make", "kept") == ""
