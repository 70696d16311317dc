"""Imports go one way; the few doors to the outside are where they are said to be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "qbwc_server"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONTRACTS: list[dict[str, Any]] = SETTINGS["tool"]["importlinter"]["contracts"]
LAYERS = next(one["layers"] for one in CONTRACTS if one["id"] == "layers")


def _lint(*arguments: str) -> tuple[int, str]:
    program = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "--no-logo", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        yield name, ast.parse(path.read_text("utf-8"))


def _names(tree: ast.Module) -> set[str]:
    """Return every dotted name that is used, and every one that is imported."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            found.add(ast.unparse(node))
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{one.name}" for one in node.names}
    return found


def test_every_contract_is_kept() -> None:
    """The contracts of pyproject.toml, all of them."""
    code, said = _lint()
    assert code == 0, said
    assert f"{len(CONTRACTS)} kept, 0 broken" in said


@pytest.mark.parametrize(
    ("contract", "before", "after", "told"),
    [
        ("layers", '"models | kinds | settings"', '"kinds | settings"', "models"),
        ("layers", '"endpoint | delivery"', '"endpoint"', "delivery"),
        ("sandbox", '"qbwc_server.cli"]', '"qbwc_server.web"]', "cli"),
        ("httpx", '"qbwc_server.mosaic"]', '"qbwc_server.web"]', "httpx"),
        ("spyne", '"qbwc_server._spyne_compat"]', '"qbwc_server.web"]', "spyne"),
        ("pure", '"sqlalchemy", ', '"sqlalchemy", "lxml", ', "lxml"),
    ],
)
def test_a_contract_that_is_not_kept_is_told(
    tmp_path: Path, contract: str, before: str, after: str, told: str
) -> None:
    """The negative control: each contract, changed, is broken by the same code."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert text.count(before) == 1
    changed = tmp_path / "pyproject.toml"
    changed.write_text(text.replace(before, after), "utf-8")

    code, said = _lint("--config", str(changed), "--contract", contract)

    assert code == 1, said
    assert told in said


def test_layers_name_only_modules_that_exist() -> None:
    """And each of them once."""
    named = [name for line in LAYERS for name in re.split(r" [|:] ", line)]
    there = {
        path.stem
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert sorted(named) == sorted(there - {"__init__"})


def test_the_sandbox_stands_on_nothing_but_qbxml() -> None:
    """It plays QuickBooks and Mosaic; sharing more, it would share our mistakes."""
    for name, tree in _sources():
        if not name.startswith("sandbox/"):
            continue
        ours = {
            found.split(".")[1]
            for found in _names(tree)
            if found.startswith("qbwc_server.")
        }
        assert ours <= {"sandbox", "qbxml"}, name


@pytest.mark.parametrize(
    ("what", "where"),
    [
        # The demo hands its environment on to the processes that it starts; sudo
        # tells there who is at the keyboard; Prometheus takes its folder from there.
        (
            r"os\.(environb?|getenvb?|putenv)",
            {"settings.py", "cli/acting.py", "cli/demo_processes.py", "metrics.py"},
        ),
        (r"(sa|sqlalchemy)\.create_engine", {"database.py"}),
        # Whoever began a transaction of his own would not be held to one company;
        # VACUUM is in no transaction.
        (
            r"(.*\.)?_?engine\.(begin|connect|raw_connection)",
            {"database.py", "forgetting.py", "schema.py", "web/health.py"},
        ),
        # What sees all companies is for operators, never for server or worker.
        (
            r"operator_transaction",
            {
                "cli/demo.py",
                "cli/demo_verdict.py",
                "cli/exchanges.py",
                "cli/jobs.py",
                "cli/records.py",
                "cli/support_token.py",
            },
        ),
        (r"support_reading", {"cli/support.py", "web/support_site.py"}),
        # The sandbox lives in the present, too.
        (r"datetime\.(now|utcnow|today)|time\.time", {"app.py", "cli/sandbox.py"}),
    ],
)
def test_what_has_one_place_is_used_in_no_other(what: str, where: set[str]) -> None:
    """The environment, engines, and the clock, which everything else is handed."""
    found = {
        name
        for name, tree in _sources()
        if not name.startswith("sandbox/")
        and any(re.fullmatch(what, one) for one in _names(tree))
    }
    assert found == where
