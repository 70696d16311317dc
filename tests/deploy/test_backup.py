"""`deploy/backup`: what is there under its name is whole."""

from __future__ import annotations

import re

import pytest

from qbwc_server.storage import schema
from tests.deploy.copies import Installation


def test_a_backup_is_named_by_revision_and_moment(ours: Installation) -> None:
    """In a folder, too; and it is for its owner's eyes."""
    (ours.folder / "kept").mkdir()
    for words in (("backup",), ("backup", "kept")):
        done = ours.run(*words)
        assert done.returncode == 0, done.stderr
        name = done.stdout.partition(":")[0]
        pattern = rf"(kept/)?qbwc-{schema.head()}-\d{{8}}T\d{{6}}Z\.dump"
        assert re.fullmatch(pattern, name)
        assert (ours.folder / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("fails 1", "There is nothing to back up: no room"),
        ("fails 2", "No backup was made: no room"),
        ("short 2", "is broken: could not read from input file"),
        ("fails 3", "is no backup: no room"),
        ("fails 4", "is broken: no room"),
    ],
)
def test_what_is_not_whole_is_not_left_behind(
    ours: Installation, wrong: str, told: str
) -> None:
    """Nor is the last one lost that had this name."""
    good = (ours.folder / ours.backup()).read_bytes()
    for name in ("one.dump", "two.dump"):
        done = ours.run("backup", name, cut=wrong)
        assert done.returncode == 1
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
    assert [one.name for one in ours.folder.glob("*.dump*")] == ["one.dump"]
    assert (ours.folder / "one.dump").read_bytes() == good


def test_a_backup_is_noted_for_the_figures(ours: Installation) -> None:
    """Only a whole one; and one that could not be noted says so, and is there."""
    asked = "SELECT count(*) FROM heartbeat WHERE name = 'backup'"
    assert ours.run("backup", "one.dump", cut="short 2").returncode == 1
    assert ours.asked(asked, ours.name) == [(0,)]
    done = ours.run("backup", "two.dump", cut="fails 5")
    assert done.returncode == 1
    assert "two.dump is whole, but it could not be noted: no room" in done.stderr
    assert ours.run("backup", "none/").returncode == 1
    ours.backup()
    assert ours.asked(asked, ours.name) == [(1,)]
    assert {one.name for one in ours.folder.glob("*.dump*")} == {"one.dump", "two.dump"}


def test_a_backup_that_is_killed_has_not_its_name(ours: Installation) -> None:
    """What is left says that it is a part."""
    for number in range(1, 4):
        ours.run("backup", "one.dump", cut=f"after {number}")
        assert not (ours.folder / "one.dump").exists()
