"""The files that are laid over docker-compose.yml, as docker compose reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.test_env import made

ROOT = Path(__file__).parents[2]
_COMMANDS = {"1": ["docker-compose"], "2": ["docker", "compose"]}
_MACHINES = {
    "QBWC_DATABASE_HOST": "10.0.0.21,10.0.0.22",
    "QBWC_INSIDE": "10.0.0.11",
    "PROXY_SERVERS": "10.0.0.11:8000 10.0.0.12:8000",
    "PROXY_CERTIFICATES": "/srv/qbwc-proxy",
}


def _command(version: str) -> list[str]:
    """Return how docker compose of a version is called, or skip the test loudly."""
    words = _COMMANDS[version]
    if shutil.which(words[0]):
        asked = subprocess.run(
            [*words, "version"], capture_output=True, text=True, check=False
        )
        if not asked.returncode and f"ersion {version}." in asked.stdout.replace(
            "v", ""
        ):
            return words
    pytest.skip(f"NOT READ BY DOCKER COMPOSE {version}: it is not on this machine")


def _services(version: str, folder: Path, over: str, **told: str) -> dict[str, str]:
    """Return what docker compose makes of each service, and that it tells no secret."""
    for name in ("docker-compose.yml", "Dockerfile"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    made(folder)
    files = f"docker-compose.yml:{over}" if over else "docker-compose.yml"
    env = made(folder, COMPOSE_FILE=files, **told)
    read = subprocess.run(
        [*_command(version), "config"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert read.returncode == 0, read.stderr
    for name, value in env.items():
        if name.endswith(("_KEY", "_PASSWORD", "_TOKEN")):
            assert value not in read.stdout, name
    section = re.search(r"^services:\n((?:  .*\n)+)", read.stdout, re.MULTILINE)
    assert section is not None
    return dict(re.findall(r"^  (\w+):\n((?:   +.*\n)+)", section[1], re.MULTILINE))


@pytest.mark.parametrize("version", _COMMANDS)
def test_docker_compose_reads_the_file_by_itself(version: str, tmp_path: Path) -> None:
    """Both generations of it."""
    services = _services(version, tmp_path, "")
    assert {"db", "roles", "migrate", "web", "worker", "proxy"} <= set(services)
    assert "max-size: 20m" in services["web"]
    assert "max_connections=350" in services["db"]


@pytest.mark.parametrize("version", _COMMANDS)
def test_logs_go_to_the_journal(version: str, tmp_path: Path) -> None:
    """Without the options of the other driver, which it would refuse."""
    services = _services(version, tmp_path, "deploy/journald.yml")
    for name in ("db", "web", "worker", "proxy"):
        assert "driver: journald" in services[name]
        assert f"tag: qbwc-{name}" in services[name]
        assert "max-size" not in services[name]


@pytest.mark.parametrize("version", _COMMANDS)
def test_prometheus_stands_in_the_network_of_the_servers(
    version: str, tmp_path: Path
) -> None:
    """With the token, and published for this machine alone."""
    told = {"QBWC_METRICS_PORT": "9464"}
    over = "deploy/prometheus/compose.yml"
    services = _services(version, tmp_path, over, **told)
    prometheus = services["prometheus"]
    assert re.search(r"^ +(- )?inside\b", prometheus, re.MULTILINE)
    assert "QBWC_METRICS_TOKEN" in prometheus
    assert "127.0.0.1" in prometheus
    assert "QBWC_METRICS_PORT: '9464'" in services["worker"].replace('"', "'")


@pytest.mark.parametrize("version", _COMMANDS)
def test_a_machine_of_many_has_no_database_of_its_own(
    version: str, tmp_path: Path
) -> None:
    """What waits for `db` waits for the one elsewhere."""
    services = _services(version, tmp_path, "deploy/machines/compose.yml", **_MACHINES)
    assert "exec sleep infinity" in services["db"]
    assert "docker-entrypoint" not in services["db"]
    for name in ("db", "roles"):
        assert "PGHOST: 10.0.0.21,10.0.0.22" in services[name]
    assert "10.0.0.11" in services["web"]
    assert "10.0.0.11:8000 10.0.0.12:8000" in services["proxy"]
    serving = (tmp_path / "secrets/SERVING_URL").read_text()
    assert (
        "host=10.0.0.21&host=10.0.0.22&target_session_attrs=read-write&connect_timeout=3"
        in serving
    )
