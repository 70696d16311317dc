"""`make release`: a version is tagged when all that names it does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_HISTORY = """# Changelog

## Unreleased

## 0.2.0 - 2026-01-31

> **Upgrade**: as ever.

- What is new.

## 0.1.0 - 2025-12-01

- The first.
"""
_NAMES = {
    "qbwc_server/__init__.py": '"""It."""\n\n__version__ = "0.2.0"\n',
    "CHANGELOG.md": _HISTORY,
    "docker-compose.yml": "a: x:${QBWC_VERSION:-0.2.0}\nb: y:${QBWC_VERSION:-0.2.0}\n",
}


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    who = {
        f"GIT_{role}_{what}": "ann@example.com"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    return subprocess.run(
        words,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **who},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository that is ready for version 0.2.0, after 0.1.0."""
    files = _NAMES | {"deploy/release": (ROOT / "deploy/release").read_text()}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for words in (
        ("init", "-q"),
        ("add", "-A"),
        ("commit", "-qm", "all of it"),
        ("tag", "v0.1.0"),
    ):
        assert not _run(tmp_path, "git", *words).returncode
    return tmp_path


def _release(tree: Path) -> subprocess.CompletedProcess[str]:
    return _run(tree, "sh", "deploy/release")


def test_a_release_is_a_tag_that_says_what_is_new(tree: Path) -> None:
    """What stands in its section of CHANGELOG.md, and nothing of the one before."""
    said = _release(tree)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("v0.2.0 is tagged.")
    told = _run(tree, "git", "tag", "-n99", "--list", "v0.2.0").stdout
    assert "**Upgrade**: as ever." in told
    assert "- What is new." in told
    assert "The first" not in told

    again = _release(tree)
    assert again.returncode == 1
    assert "v0.2.0 is there already" in again.stderr


@pytest.mark.parametrize(
    ("name", "had", "has", "why"),
    [
        ("qbwc_server/__init__.py", '"0.2.0"', '"next"', "names no version"),
        ("qbwc_server/__init__.py", '"0.2.0"', '"0.0.9"', "0.0.9 is older than 0.1.0"),
        ("CHANGELOG.md", "## 0.2.0 - 2026-01-31", "## 0.2.0", 'no section "## 0.2.0'),
        ("CHANGELOG.md", "## 0.2.0 -", "## 0.2.1 -", 'no section "## 0.2.0'),
        (
            "CHANGELOG.md",
            "> **Upgrade**: as ever.\n\n- What is new.\n",
            "",
            "the section of 0.2.0 in CHANGELOG.md is empty",
        ),
        (
            "CHANGELOG.md",
            "## Unreleased\n",
            "## Unreleased\n\n- More.\n",
            "lines under Unreleased",
        ),
        (
            "docker-compose.yml",
            "b: y:${QBWC_VERSION:-0.2.0}",
            "b: y:${QBWC_VERSION:-0.1.0}",
            "docker-compose.yml does not name the images of 0.2.0",
        ),
    ],
)
def test_what_does_not_name_it_is_said(
    name: str, had: str, has: str, why: str, tree: Path
) -> None:
    """Nobody wants a tag that has to be taken back."""
    text = (tree / name).read_text()
    assert had in text
    (tree / name).write_text(text.replace(had, has))
    assert not _run(tree, "git", "commit", "-qam", "another").returncode
    said = _release(tree)
    assert said.returncode == 1
    assert why in said.stderr
    assert _run(tree, "git", "tag").stdout == "v0.1.0\n"


def test_what_is_not_committed_is_not_released(tree: Path) -> None:
    """The tag would be of something else."""
    (tree / "new").write_text("")
    said = _release(tree)
    assert said.returncode == 1
    assert "not everything is committed" in said.stderr


def test_the_first_release_needs_none_before_it(tree: Path) -> None:
    """As long as there is no tag."""
    assert not _run(tree, "git", "tag", "-d", "v0.1.0").returncode
    assert _release(tree).returncode == 0
