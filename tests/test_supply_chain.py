"""What the product stands on: locked, audited, and run with as little as possible."""

from __future__ import annotations

import importlib.util
import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock", ".ci/audit.lock")


def _audit() -> Any:
    path = ROOT / ".ci/audit.py"
    spec = importlib.util.spec_from_file_location("audit", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_version_and_hashes(name: str) -> None:
    """And no address from which it came, so that any index may serve it."""
    text = (ROOT / name).read_text()
    packages = re.split(r"\n(?=\w)", text.replace("\\\n", ""))
    assert len(packages) > 20
    for one in packages:
        assert re.match(r"[\w.-]+==[\w.]+", one), one
        assert "--hash=sha256:" in one, one
    assert "://" not in text


def test_hashes_are_asked_for_wherever_something_is_installed() -> None:
    """By make and by the image; only our own package goes without."""
    for name in ("Makefile", "Dockerfile"):
        for line in (ROOT / name).read_text().splitlines():
            if re.search(r"pip install\b.*-r ", line):
                assert "--require-hashes" in line, line


NOT_FOUND = {"name": "a", "skip_reason": "Dependency not found on PyPI: a (1)"}
FINE = {"name": "b", "version": "1", "vulns": []}
WEAK = {
    "name": "c",
    "version": "1",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"]}],
}


@pytest.mark.parametrize(
    ("packages", "code", "told"),
    [
        ([FINE], 0, ["audited: 1 packages, 0 weak"]),
        ([], 2, ["audited: 0 packages"]),
        ([NOT_FOUND], 2, ["NOT AUDITED", "1 of 1", "audited: 0 packages"]),
        ([FINE, NOT_FOUND], 2, ["NOT AUDITED", "1 of 2", "audited: 1 packages"]),
        ([WEAK, NOT_FOUND], 1, ["WEAK: c 1: PYSEC-1, mended in 2", "NOT AUDITED"]),
        (None, 2, ["NOT AUDITED", "pip-audit gave no report: no network"]),
    ],
)
def test_no_answer_is_told_apart_from_a_good_one(
    packages: list[Any] | None, code: int, told: list[str]
) -> None:
    """An index without advisories makes pip-audit say that all is well."""
    report = None if packages is None else {"dependencies": packages}
    found, lines = _audit().verdict(report, "no network")
    assert found == code
    for one in told:
        assert one in "\n".join(lines)
    found, lines = _audit().verdict(report, "no network", may_be_without=True)
    assert found == (1 if code == 1 else 0), "a weakness fails all the same"
    for one in told:
        assert one in "\n".join(lines)


def test_only_the_check_of_a_place_without_advisories_lets_that_pass() -> None:
    """And it says so; `make audit` by itself, as before a release, fails."""
    switch = _audit().SWITCH
    assert switch not in (ROOT / "Makefile").read_text().replace(f"({switch}=1", "")
    check = (ROOT / ".ci/run").read_text()
    assert f"{switch}=1 make audit" in check
    assert "NOT AUDITED" in check


def test_an_advisory_is_accepted_only_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its own id or by another name of it."""
    audit = _audit()
    assert all(len(reason) > 20 for reason in audit.ACCEPTED.values())
    monkeypatch.setattr(audit, "ACCEPTED", {"CVE-1": "we do not call it"})
    assert audit.verdict({"dependencies": [WEAK]}, "")[0] == 0


def _comments() -> Iterator[tuple[str, str]]:
    for folder in ("qbwc_server", "migrations", ".ci"):
        for path in (ROOT / folder).rglob("*.py"):
            source = io.StringIO(path.read_text("utf-8"))
            for token in tokenize.generate_tokens(source.readline):
                if token.type == tokenize.COMMENT:
                    yield f"{path.relative_to(ROOT)}:{token.start[0]}", token.string


def test_every_security_rule_that_is_waived_says_why() -> None:
    """`noqa: S...` carries its reason behind it."""
    waived = [(at, one) for at, one in _comments() if re.search(r"noqa:.*\bS\d", one)]
    assert len(waived) > 5
    for at, comment in waived:
        assert re.search(r"noqa: [A-Z0-9, ]+ - \w.{5,}", comment), f"{at}: {comment}"


def test_security_rules_are_waived_for_whole_files_only_where_it_is_said_why() -> None:
    """For the product itself, only in its sandbox."""
    text = (ROOT / "pyproject.toml").read_text()
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    assert lint["select"] == ["ALL"]
    assert not [rule for rule in lint["ignore"] if re.match(r"S\d*$", rule)]
    waived = {
        pattern
        for pattern, rules in lint["per-file-ignores"].items()
        if any(re.match(r"S\d*$", rule) for rule in rules)
    }
    assert waived == {"tests/**", "bench/**", "qbwc_server/sandbox/**"}
    for pattern in waived:
        entry = text.split(f'"{pattern}" = [')[1].split("\n]\n")[0]
        assert re.search(r'"S\d*".*#', entry), pattern


def _services() -> dict[str, str]:
    """Return the text of each service of the compose file, and of its anchor."""
    text = (ROOT / "docker-compose.yml").read_text()
    anchor, rest = text.split("\nservices:\n")
    bodies = re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", rest, re.MULTILINE)
    return {"x-server": anchor, **dict(bodies)}


def test_our_containers_can_do_nothing_but_their_work() -> None:
    """No capability, no way to more rights, a read-only file system, few processes."""
    services = _services()
    for line in (
        "  read_only: true",
        "  cap_drop: [ALL]",
        '  security_opt: ["no-new-privileges:true"]',
    ):
        assert f"{line}\n" in services["x-server"]
    limit = re.search(r"^  pids_limit: (\d+)$", services["x-server"], re.MULTILINE)
    assert limit is not None
    assert 64 <= int(limit[1]) <= 1024
    ours = {name for name, body in services.items() if "<<: *server" in body}
    assert ours == {"migrate", "operator", "web", "worker"}
    for name in ours:
        for word in ("read_only", "cap_", "privileged", "security_opt", "user:"):
            assert word not in services[name], f"{name} changes {word}"


def test_the_image_runs_as_nobody_in_particular() -> None:
    """The last user of the last stage is not root, and its number is fixed."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users[-1:] == ["qbwc"]
    assert lines.index("USER qbwc") > max(
        number for number, line in enumerate(lines) if line.startswith("FROM ")
    )
    assert any("useradd" in line and "--uid 10001" in line for line in lines)


def test_the_checks_audit() -> None:
    """`.ci/run` calls it."""
    assert "make audit" in (ROOT / ".ci/run").read_text()
