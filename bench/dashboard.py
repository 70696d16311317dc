"""A picture of deploy/grafana/dashboard.json: `python -m bench.dashboard [SECONDS]`.

It is not Grafana that draws it. A server and a worker run on PostgreSQL, practices
(`bench.practices`) work with them in fast motion, and a real Prometheus, which must be
installed, reads their figures. It is then asked every expression of every panel, and
matplotlib draws the answers where the file has the panels. So the picture shows what
the dashboard would show, not how Grafana would look; and that Prometheus understands
every expression. It goes to docs/images/dashboard.png.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.drain import stop
from bench.panels import Series, draw
from bench.practices import REQUESTS, Practices
from bench.stand import Stand, run, stand
from qbwc_server.cli.demo_processes import free_port

_TREE = Path(__file__).parents[1]
_BOARD = _TREE / "deploy/grafana/dashboard.json"
_PICTURE = _TREE / "docs/images/dashboard.png"
_TOKEN = "a-token-for-a-picture-only"
_SECONDS = 180
_EVERY = 2
"""Seconds between two scrapes, and between two points of a line."""
_PRACTICES = 12
_MOST_SECONDS = 30
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_VARIABLES = {"__rate_interval": "5m", "__interval": f"{_EVERY}s"}


class Refused(Exception):
    """Prometheus does not take an expression; the panel is named."""


def main() -> None:
    """Let practices work, ask Prometheus, and draw."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else _SECONDS
    panels = json.loads(_BOARD.read_text())["panels"]
    with (
        stand("postgresql", metrics_token=_TOKEN, mosaic_requests=REQUESTS) as made,
        _worker(made) as worker,
        _prometheus(made.folder, [made.port, worker]) as port,
    ):
        begun = time.time()
        at_work = Practices(made, _PRACTICES)
        try:
            time.sleep(seconds)
            found = [answers(port, one, begun, time.time()) for one in panels]
        finally:
            at_work.stop()
    for panel, series in zip(panels, found, strict=True):
        if not series and panel["type"] != "row":
            print(f"no data: {panel['title']}")
    draw(panels, found, seconds, _PICTURE)
    print(f"{_PICTURE.relative_to(_TREE)}: {len(panels)} panels and rows")


def answers(
    port: int, panel: dict[str, Any], begun: float, ended: float
) -> list[Series]:
    """Ask all targets of a panel for a span of Unix time; return their series.

    Series without a single number are left out.

    Raises:
        Refused: Prometheus refuses an expression of it.
    """
    values = _VARIABLES | {"__range": f"{round(ended - begun)}s"}
    found = []
    for target in panel.get("targets", ()):
        asked = _VARIABLE.sub(
            lambda one: values.get(one[1] or one[2], one[0]), target["expr"]
        )
        span = {"start": begun, "end": ended, "step": _EVERY}
        path, more = ("query", {"time": ended})
        if panel["type"] == "timeseries":
            path, more = "query_range", span
        result = _ask(port, panel["title"], path, {"query": asked, **more})
        for one in result:
            pairs = one["values"] if "values" in one else [one["value"]]
            numbers = [(float(at) - begun, float(value)) for at, value in pairs]
            numbers = [pair for pair in numbers if math.isfinite(pair[1])]
            if numbers:
                name = _name(target["legendFormat"], one["metric"]) or asked
                found.append(Series(name, numbers))
    return found


def _name(form: str, labels: dict[str, str]) -> str:
    return re.sub(r"\{\{ *(\w+) *\}\}", lambda one: labels.get(one[1], ""), form)


def _ask(port: int, title: str, path: str, asked: dict[str, Any]) -> Any:
    query = urllib.parse.urlencode(asked)
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{query}"
    try:
        with urllib.request.urlopen(url, timeout=_MOST_SECONDS) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        told = error.read().decode(errors="replace")
        raise Refused(f"{title}: {asked['query']}: {told}") from error


@contextmanager
def _worker(made: Stand) -> Iterator[int]:
    """Run a worker; the port of its figures is yielded."""
    port = free_port()
    environment = made.environment | {"QBWC_METRICS_PORT": str(port)}
    command = ("-m", "qbwc_server", "worker")
    process = run(made.folder, *command, environment=environment)
    try:
        yield port
    finally:
        stop(process)


@contextmanager
def _prometheus(folder: Path, ports: list[int]) -> Iterator[int]:
    """Run a Prometheus that reads these ports; its own is yielded.

    Raises:
        FileNotFoundError: it is not installed.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise FileNotFoundError("no Prometheus: apt-get install prometheus")
    settings = {
        "global": {"scrape_interval": f"{_EVERY}s", "scrape_timeout": f"{_EVERY}s"},
        "scrape_configs": [
            {
                "job_name": name,
                "authorization": {"credentials": _TOKEN},
                "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
            }
            for name, port in zip(("qbwc-server", "qbwc-worker"), ports, strict=True)
        ],
    }
    port = free_port()
    with tempfile.TemporaryDirectory(dir=folder) as own:
        # JSON is YAML.
        file = Path(own) / "prometheus.yml"
        file.write_text(json.dumps(settings))
        with (folder / "prometheus.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    *(program, f"--config.file={file}"),
                    f"--storage.tsdb.path={own}/data",
                    f"--web.listen-address=127.0.0.1:{port}",
                ],
                stdout=log,
                stderr=log,
            )
        try:
            _wait(port)
            yield port
        finally:
            stop(process)


def _wait(port: int) -> None:
    """Wait until Prometheus answers.

    Raises:
        TimeoutError: it does not.
    """
    deadline = time.monotonic() + _MOST_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5)
            return
        time.sleep(0.1)
    raise TimeoutError("Prometheus did not start")


if __name__ == "__main__":
    main()
