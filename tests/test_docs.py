"""Documentation that can be wrong is kept right."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from qbwc_server.cli import main
from qbwc_server.companies import session_states
from qbwc_server.jobs import queue
from qbwc_server.settings import Settings

ROOT = Path(__file__).parents[1]


def test_every_setting_is_documented_and_no_other() -> None:
    """docs/settings.md lists each setting of `Settings` with its own description."""
    text = (ROOT / "docs/settings.md").read_text()
    rows = re.findall(r"^\| `QBWC_(\w+)` \| .* \| (.*) \|$", text, re.MULTILINE)

    assert dict(rows) == {
        name.upper(): field.description for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("chart", [queue.mermaid(), session_states.mermaid()])
def test_the_state_charts_are_those_of_the_tables(chart: str) -> None:
    """docs/architecture.md shows what the code does."""
    assert chart in (ROOT / "docs/architecture.md").read_text()


def _asking_why(command: click.Command, path: str = "") -> set[str]:
    """Return the commands that take a reason: they decide something."""
    if isinstance(command, click.Group):
        named = command.commands.items()
        return {
            one for name, sub in named for one in _asking_why(sub, f"{path} {name}")
        }
    asks = any(one.name == "why" for one in command.params)
    return {path.strip()} if asks else set()


def test_what_is_done_by_hand_is_listed_with_command_and_button() -> None:
    """docs/support.md has every command that takes a why, and every button."""
    _, _, acting = (ROOT / "docs/support.md").read_text().partition("\n## Acting\n")
    rows = re.findall(r"^\| .* \| (.*) \| (.*) \| .* \| .* \|$", acting, re.MULTILINE)
    commands = {one for cells in rows for one in re.findall(r"`([^`]+)`", cells[0])}
    buttons = {one for cells in rows for one in re.findall(r'"([^"]+)"', cells[1])}
    pages = [
        path.read_text()
        for path in (ROOT / "qbwc_server/web/templates/console").glob("*.html")
    ]
    said = {
        label
        for page in pages
        for told in re.findall(r'name="do" value="[^"]+">([^<]+)<', page)
        for label in (re.findall(r'"([A-Z][^"]+)"', told) or [told])
    }

    assert commands == _asking_why(main)
    assert said <= buttons
    assert all(any(one in page for page in pages) for one in buttons)


def _tests() -> set[str]:
    """Return the names of all tests."""
    return {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }


def _claims(text: str) -> list[str]:
    """Return the claims of docs/security.md, each in one line."""
    _, _, rest = text.partition("## Companies")
    body, _, _ = rest.partition("## When something dies")
    return [
        " ".join(one.split())
        for one in re.findall(r"^- ((?:.+\n)(?:  .+\n)*)", body, re.MULTILINE)
    ]


def test_every_claim_about_security_names_tests_that_are_there() -> None:
    """Five of them did not hold when somebody looked; nothing had looked before."""
    text = (ROOT / "docs/security.md").read_text()
    claims, there = _claims(text), _tests()
    assert len(claims) > 40
    for claim in claims:
        assert re.search(r"\(`test_\w+`(?:, `test_\w+`)*\)$", claim), claim[:80]
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named - there == set()


def test_what_the_threat_model_is_tested_in_is_there() -> None:
    """Each threat names files or folders of tests."""
    text = (ROOT / "docs/security.md").read_text()
    table = text.partition("## Threat model")[2].partition("Not covered")[0]
    rows = [one for one in table.splitlines() if one.startswith("|")][2:]
    assert len(rows) > 10
    for row in rows:
        paths = re.findall(r"`([\w./]+/[\w./]*)`", row.rsplit("|", 2)[1])
        assert paths, row[:80]
        for path in paths:
            assert (ROOT / path).exists(), path


def test_a_claim_without_a_test_would_be_found() -> None:
    """The control, of how claims are read."""
    claims = "- One\n  thing (`test_a`, `test_b`)\n- Two\n"
    text = f"## Companies\n\n{claims}\n## When something dies"
    assert _claims(text) == ["One thing (`test_a`, `test_b`)", "Two"]


def _commands(group: click.Group, before: str = "") -> set[str]:
    found = set()
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= _commands(command, f"{before}{name} ")
        else:
            found.add(before + name)
    return found


def test_the_commands_and_options_that_documents_name_are_there() -> None:
    """Every `qbwc-server ...` line of the documents is one that can be typed."""
    there = _commands(main)
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    named = 0
    for path in documents:
        for line in re.findall(r"qbwc-server ((?:[a-z-]+ ?)+)", path.read_text()):
            words = line.split()
            assert any(" ".join(words[:length]) in there for length in (1, 2, 3)), (
                f"{path.name}: qbwc-server {line}"
            )
            named += 1
    assert named > 8


def _options(command: click.Command) -> set[str]:
    own = {
        option
        for one in command.params
        if isinstance(one, click.Option)
        for option in (*one.opts, *one.secondary_opts)
    }
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return own.union(*(_options(one) for one in below))


def test_the_options_that_documents_name_are_there() -> None:
    """Every `--option` of the documents for users is one that a command takes."""
    there = _options(main)
    documents = [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/*.md")]
    named = {
        option
        for path in documents
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", path.read_text())
    }

    of_docker = {"--build", "--rm", "--scale"}
    of_others = {
        *("--require-hashes", "--no-deps", "--now"),
        *("--host", "--username", "--pgdata", "--slot"),
    }
    assert named - there - of_docker - of_others == set()
    assert len(named) > 8


def test_the_wings_stand_in_the_document_as_in_the_contract() -> None:
    """docs/architecture.md lists them in the order in which they may import."""
    text = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| ((?:`\w+/?`(?:, )?)+) \| \S", text, re.MULTILINE)
    listed = [
        name.strip("`/") for row in rows for name in re.split(", ", row) if "`" in name
    ]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = settings["tool"]["importlinter"]["contracts"][0]
    layers = [name for line in contract["layers"] for name in line.split(" | ")]

    assert listed == [name for name in layers if name != "__main__"]


def test_each_step_of_the_pictures_names_what_is_there() -> None:
    """A step is `module.function` or `module.Class.method`, or a module of a wing."""
    text = (ROOT / "docs/architecture.md").read_text()
    sources = {
        path.relative_to(ROOT / "qbwc_server").with_suffix("").parts: path.read_text()
        for path in (ROOT / "qbwc_server").rglob("*.py")
    }
    pictures = re.findall(r"flowchart TD\n(.*?)```", text, re.DOTALL)
    steps = {
        step
        for picture in pictures
        for label in re.findall(r"\w\[([^\]]+)\]", picture)
        for step in re.findall(r"[a-z_]+\.[A-Za-z_.]+", label)
    }

    def there(step: str) -> bool:
        module, *names = step.split(".")
        return any(
            parts[-1] == module
            and all(re.search(rf"(def|class) {name}\b", source) for name in names)
            for parts, source in sources.items()
        ) or any(parts[-2:] == (module, names[0]) for parts in sources)

    assert len(pictures) == 2
    assert len(steps) > 25
    assert {step for step in steps if not there(step)} == set()


def test_the_architecture_can_be_read_in_one_sitting() -> None:
    """At most 250 lines; what is done when stands in rules.md."""
    assert len((ROOT / "docs/architecture.md").read_text().splitlines()) <= 250


def test_the_files_that_users_look_for_are_there() -> None:
    """A project is also its papers."""
    for name in (
        *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"),
        *("docs/architecture.md", "docker-compose.yml", ".ci/run"),
    ):
        assert (ROOT / name).stat().st_size > 200


def test_the_locks_hold_hashes_and_no_addresses() -> None:
    """Who installs decides from where."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()

        assert "--hash=sha256:" in text
        assert "://" not in text


def test_the_files_that_documents_name_are_there() -> None:
    """What stands against a threat can be looked at, and the tests of it run."""
    named = {
        (document.name, path)
        for document in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
        for path in re.findall(
            r"`((?:tests|bench|docs|deploy|migrations|\.ci)/[\w./-]*)`",
            document.read_text(),
        )
    }
    assert named
    assert [one for one in named if not (ROOT / one[1]).exists()] == []


def test_every_test_that_the_documents_name_is_there() -> None:
    """A table of what is tested is worth as much as its tests."""
    here = Path(__file__).parent
    every = "\n".join(path.read_text() for path in here.rglob("test_*.py"))
    for document in (here.parent / "docs").glob("*.md"):
        for name in re.findall(r"`(test_\w+)`", document.read_text()):
            assert f"def {name}(" in every, name
