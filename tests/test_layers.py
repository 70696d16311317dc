"""Imports go one way; the few doors to the outside are where they are said to be."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "qbwc_server"
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONTRACTS: list[dict[str, Any]] = SETTINGS["tool"]["importlinter"]["contracts"]
LAYERS = next(one["layers"] for one in CONTRACTS if one["id"] == "wings")


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


@pytest.fixture(autouse=True, scope="module")
def _let_go() -> Iterator[None]:
    """The program is read once for all these tests, and is large when it is read."""
    yield
    _sources.cache_clear()
    _names.cache_clear()


@cache
def _sources() -> list[tuple[str, ast.Module]]:
    return [
        (path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text("utf-8")))
        for path in sorted(PACKAGE.rglob("*.py"))
    ]


@cache
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
        ("wings", '  "records",\n', "", "records"),
        ("wings", "logs | metrics | keys", "logs | keys", "metrics"),
        ("wings", '  "delivery",\n', '  "delivery",\n  "jobs",\n', "jobs"),
        ("sandbox", '"qbwc_server.cli"]', '"qbwc_server.web"]', "cli"),
        ("httpx", '"qbwc_server.mosaic"]', '"qbwc_server.web"]', "httpx"),
        ("spyne", 'rs = ["qbwc_server.web_connector.soap", ', "rs = [", "spyne"),
        ("uvicorn", '"qbwc_server.serving"]', '"qbwc_server.web"]', "uvicorn"),
        ("row", '"qbwc_server.records"]', '"qbwc_server.jobs"]', "records"),
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


def test_the_wings_are_those_that_exist() -> None:
    """And each of them, like each module beside them, is named once."""
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
        (r"(sa|sqlalchemy)\.create_engine", {"storage/database.py"}),
        # Whoever began a transaction of his own would not be held to one company;
        # VACUUM is in no transaction; `loop_trips` binds each by itself.
        (
            r"(.*\.)?_?engine\.(begin|connect|raw_connection)",
            {
                "operations/forgetting.py",
                "storage/database.py",
                "storage/loop_trips.py",
                "storage/migrating.py",
                "storage/poolers.py",
                "storage/room.py",
                "storage/schema.py",
                "storage/support_reading.py",
                "storage/walls.py",
                "storage/which_copy.py",
            },
        ),
        # What sees all companies is for operators, never for server or worker.
        (
            r"operator_transaction",
            {
                "app.py",  # after an upgrade
                "cli/demo.py",
                "cli/demo_verdict.py",
                "cli/scope.py",
                "cli/support_token.py",
                "companies/registry.py",  # to find a company by its name
                "decisions/company_settings.py",  # of which team a company is
                "operations/connections_looked.py",
                "operations/doctor.py",
                "operations/forgetting.py",
                "operations/key_rotation.py",
            },
        ),
        (
            r"support_reading",
            {
                "cli/support.py",
                "cli/support_health.py",
                "support/export.py",
                "cli/support_open.py",
                "web/support/site.py",
            },
        ),
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


_WRITES = {"update", "insert", "delete"}
_WRITERS = {"change", "change_and_tell", "insert", "insert_many", "upsert"}
"""Functions of `storage/statements.py` that are given the table."""


def _writes_records(tree: ast.AST) -> bool:
    """Tell whether code changes the table of records, under whatever name."""
    names = {"tables.record", "records.record"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            pairs: list[tuple[ast.expr, ast.expr]] = []
            for target in node.targets:
                pairs.append((target, node.value))
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    pairs += zip(target.elts, node.value.elts, strict=False)
            names |= {
                ast.unparse(name)
                for name, value in pairs
                if ast.unparse(value) == "tables.record"
            }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        of, _, what = called.rpartition(".")
        if what in _WRITES and of in names:
            return True
        given = {ast.unparse(one) for one in node.args}
        if (what in _WRITERS or called in {f"sa.{one}" for one in _WRITES}) and (
            given & names
        ):
            return True
    return False


_NO_LIBRARIES = {"qbwc_server", "__future__", "_typeshed"}
"""The last is there for types alone, of the standard library."""


def _private(tree: ast.Module) -> set[str]:
    """Return the names of libraries that are imported and begin with an underscore."""
    found = set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{one.name}" for one in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] not in _NO_LIBRARIES and any(
                part.startswith("_") for part in parts
            ):
                found.add(name)
    return found


def test_no_private_name_of_a_library_is_imported() -> None:
    """What a library does not show may be another tomorrow."""
    for name, tree in _sources():
        assert _private(tree) == set(), name


@pytest.mark.parametrize(
    "code",
    [
        "from gunicorn.workers.gthread import _DEFER",
        "import uvicorn._types",
        "from uvicorn import _subprocess",
    ],
)
def test_a_private_name_would_be_seen(code: str) -> None:
    """The negative control of the test above."""
    assert _private(ast.parse(code)) != set()


def test_the_server_of_before_is_in_no_module() -> None:
    """It is a floor of the bench alone."""
    for name, tree in _sources():
        assert not any("gunicorn" in one for one in _names(tree)), name


def test_only_one_wing_writes_records() -> None:
    """What becomes of a record has a name in `records/`; whoever means it, calls it."""
    writers = {name.split("/")[0] for name, tree in _sources() if _writes_records(tree)}
    assert writers == {"records"}


@pytest.mark.parametrize(
    "code",
    [
        "tables.record.update().values(state='gone')",
        "_RECORD, _JOB = tables.record, tables.job\n_RECORD.delete()",
        "one = tables.record\ninsert_many(connection, one, [], {})",
        "sa.update(tables.record)",
        "statements.change(connection, tables.record, key, values)",
    ],
)
def test_another_writer_would_be_seen(code: str) -> None:
    """The negative control, for each way in which a table is written here."""
    assert _writes_records(ast.parse(code))


BESIDE_THE_WINGS = {
    *("__init__", "__main__", "app", "errors", "keys", "logs", "metrics"),
    *("private", "proxies", "setting_values", "settings"),
}


def test_what_lies_beside_the_wings_is_what_every_process_has() -> None:
    """A new module has a wing to go to."""
    assert {path.stem for path in PACKAGE.glob("*.py")} == BESIDE_THE_WINGS


def test_a_wing_can_be_taken_in_at_a_glance() -> None:
    """At most 18 modules a folder; the command line has one a group of commands."""
    for folder in sorted(PACKAGE.rglob("*")):
        modules = set(folder.glob("*.py")) - {folder / "__init__.py"}
        if folder.name != "cli":
            assert len(modules) <= 18, folder.name


def test_no_module_is_long() -> None:
    """At most 400 lines; where one grows beyond that, it has two jobs."""
    long = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if len(path.read_text("utf-8").splitlines()) > 400
    }
    assert long == set()


def test_every_wing_says_what_it_is_for_and_hands_nothing_on() -> None:
    """A reader begins with its docstring; a name has one place to be imported from."""
    for path in sorted(PACKAGE.glob("*/__init__.py")):
        tree = ast.parse(path.read_text("utf-8"))
        assert ast.get_docstring(tree), path
        # `words` is the one door to all words, `kinds` the list of the kinds.
        if path.parent.name not in {"cli", "kinds", "words"}:
            assert len(tree.body) == 1, path


def test_every_wing_has_its_folder_of_tests() -> None:
    """Who changes a wing knows where to look; folders of other names test the whole."""
    wings = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    nested = {path.parents[1].name for path in (ROOT / "tests").glob("*/*/test_*.py")}
    assert wings - folders - nested == set()


@pytest.mark.parametrize(
    ("what", "where"),
    [
        # Whether two entries are one: whoever compares them some other way guesses.
        (
            r"(identity\.)?(likeness|nearly|pairs|lost_creations|born_meanwhile)",
            {"kinds/identity.py"},
        ),
        # Whether a write may leave.
        (
            r"(gate\.)?(into_quickbooks|mosaic_was_read|quickbooks_was_read|is_fresh)",
            {"kinds/gate.py"},
        ),
    ],
)
def test_a_decision_about_hours_has_one_home(what: str, where: set[str]) -> None:
    """It is made there, and used wherever it is needed."""
    made = {
        name
        for name, tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and re.fullmatch(what, node.name)
        and not name.startswith("sandbox/")
    }
    assert made == where


def test_nobody_else_compares_entries_field_by_field() -> None:
    """Day, minutes, person, job and item together are compared by `identity` alone."""
    fields = {"minutes", "person", "job", "item"}
    found = set()
    for name, tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Tuple) and fields <= {
                one.value for one in node.elts if isinstance(one, ast.Constant)
            }:
                found.add(name)
    # The fields that travel are listed where an entry is described.
    assert found <= {"kinds/identity.py", "kinds/time_entry.py"}
