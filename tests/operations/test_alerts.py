"""Alert rules and dashboard ask for figures that there are, and fire when they must."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qbwc_server import metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus"
_EXERCISE = """
from qbwc_server import metrics
metrics.call("authenticate", "none", 0.1)
metrics.unreadable()
metrics.session_begun()
metrics.session_ended("closed")
metrics.page("health.healthz", 200)
metrics.mosaic("GET", "client", "ok", 0.1)
metrics.arrived(metrics.TO_MOSAIC, 1)
metrics.delivery("done")
metrics.database_error()
from qbwc_server.metrics import Figure
print(metrics.text(
    Figure(name, 1, tuple(labels)) for name, (_, labels) in metrics.GAUGES.items()
).decode())
"""


@pytest.fixture
def promtool() -> str:
    """Prometheus' own checker; where it must be there, its absence is a failure."""
    found = shutil.which("promtool")
    if found is None:
        assert not os.environ.get("CI_PROMTOOL"), "promtool is not installed"
        pytest.skip("promtool is not installed: apt-get install prometheus")
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
    ],
)
def test_prometheus_takes_the_files_and_its_tests_pass(
    promtool: str, arguments: tuple[str, ...]
) -> None:
    """alerts_test.yml tells of what each alert fires, and of what it does not."""
    done = subprocess.run(
        [promtool, *arguments], cwd=RULES, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def scraped() -> str:
    """Return a scrape of a process in which everything has happened once."""
    root = str(DEPLOY.parent)
    return subprocess.run(
        [sys.executable, "-c", _EXERCISE],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def asked_for() -> dict[str, set[str]]:
    """Return the expressions of the alerts and of the dashboard."""
    board = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
    return {
        "dashboard": {
            target["expr"]
            for panel in board["panels"]
            for target in panel.get("targets", ())
        },
        "alerts": {(RULES / "alerts.yml").read_text()},
    }


def test_every_figure_that_is_asked_for_is_told() -> None:
    """By its very name, and with the labels that are asked for."""
    names = {
        match[1]: set(re.findall(r"(\w+)=\"", match[2] or ""))
        for match in re.finditer(r"^(qbwc_\w+)(?:\{(.*)\})? ", scraped(), re.MULTILINE)
    }
    for where, expressions in asked_for().items():
        asked = 0
        for text in expressions:
            for name, chosen in re.findall(r"(qbwc_[a-z_0-9]+)(?:\{([^}]*)\})?", text):
                assert name in names, f"{where}: {name}"
                labels = set(re.findall(r"(\w+)[=!]", chosen))
                assert labels <= names[name], f"{where}: {name} {labels}"
                asked += 1
        assert asked > 15


def test_every_figure_is_on_the_dashboard() -> None:
    """What nobody looks at need not be told."""
    shown = " ".join(asked_for()["dashboard"])
    told = set(re.findall(r"^# TYPE (qbwc_\w+) ", scraped(), re.MULTILINE))
    told = {name for name in told if not name.endswith("_created")}
    assert {name for name in told if name not in shown} == set()
    assert set(metrics.GAUGES) <= told


def test_every_figure_is_explained() -> None:
    """docs/monitoring.md says what is measured, and from when to when."""
    told = set(re.findall(r"^# TYPE (qbwc_\w+) ", scraped(), re.MULTILINE))
    told = {name for name in told if not name.endswith("_created")}
    text = (DEPLOY.parent / "docs/monitoring.md").read_text()
    assert {name for name in told if f"`{name}`" not in text} == set()


def test_alerts_are_tested() -> None:
    """Each of them fires in a test, and says how urgent it is and what to do."""
    rules = (RULES / "alerts.yml").read_text()
    tested = set(
        re.findall(r"alertname: (\w+)\n", (RULES / "alerts_test.yml").read_text())
    )
    there = set(re.findall(r"- alert: (\w+)", rules))
    assert tested == there
    assert rules.count("severity:") == rules.count("description:") == len(there)
