"""What is deployed agrees with the program, and its handbook with both."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from qbwc_server.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
HANDBOOK = (ROOT / "docs/operations.md").read_text()
_OF_THE_IMAGE = {"data_dir", "log_json"}
_MB = 1024 * 1024


def _asked_for() -> set[str]:
    """Return the names that docker-compose.yml reads from .env."""
    return set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))


def test_every_setting_reaches_the_containers() -> None:
    """Whoever writes one into .env is not left wondering."""
    given = set(re.findall(r"^ {4,6}QBWC_([A-Z_]+):", COMPOSE, re.MULTILINE))
    given -= {name for name in given if name.endswith("_PASSWORD")}  # of `roles`
    assert given == {name.upper() for name in Settings.model_fields} - {
        name.upper() for name in _OF_THE_IMAGE
    }


def test_the_handbook_has_every_name_that_compose_reads_and_no_other() -> None:
    """Settings of the program are in docs/settings.md."""
    rows = re.findall(r"^\| (`[A-Z_`, ]+`) \|", HANDBOOK, re.MULTILINE)
    named = {one for row in rows for one in re.findall(r"`([A-Z_]+)`", row)}
    of_program = {f"QBWC_{name.upper()}" for name in Settings.model_fields}

    assert _asked_for() - of_program <= named
    assert named <= _asked_for() | of_program


def test_the_make_targets_that_documents_name_are_there() -> None:
    """Also those of the handbook's recipes."""
    text = (ROOT / "Makefile").read_text()
    there = set(re.findall(r"^([a-z-]+):.*##", text, re.MULTILINE))
    named = {
        (path.name, target)
        for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
        for target in re.findall(
            r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE
        )
    }
    assert {one for one in named if one[1] not in there} == set()
    assert {"env", "backup", "restore"} <= {target for _, target in named}


def test_systemd_takes_the_timer_of_backups() -> None:
    """And the command that it runs is one of the Makefile's."""
    units = sorted(str(one) for one in (ROOT / "deploy/systemd").iterdir())
    assert len(units) == 2
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT LOOKED AT: systemd-analyze is not on this machine")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    command = "ExecStart=/usr/bin/make backup "
    assert command in (ROOT / "deploy/systemd/qbwc-backup.service").read_text()


def test_services_that_the_handbook_names_are_there() -> None:
    """In `docker compose exec web` and the like."""
    there = set(re.findall(r"^  ([a-z]+):\n    [a-z<]", COMPOSE, re.MULTILINE))
    assert {"db", "roles", "migrate", "operator", "web", "worker", "proxy"} <= there
    options = r"exec -T|logs|ps(?: -q)?|restart|run --rm(?: -T)?"
    verbs = rf"docker compose (?:{options}) ((?:[a-z]+ ?)+)"
    for words in re.findall(verbs, HANDBOOK):
        assert words.split()[0] in there, words


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("deploy/Caddyfile", r"max_size (\d+)MB"),
        ("deploy/nginx.conf", r"client_max_body_size (\d+)m;"),
    ],
)
def test_a_proxy_lets_through_what_the_server_is_to_refuse(
    path: str, pattern: str
) -> None:
    """In the protocol's words; and a good deal more, for answers are escaped."""
    found = re.search(pattern, (ROOT / path).read_text())
    assert found is not None
    assert int(found[1]) * _MB > 2 * Settings.model_fields["max_body_bytes"].default


@pytest.mark.parametrize(
    ("url", "name", "port"),
    [
        ("https://qb.example.com", "qb.example.com", "443"),
        ("https://localhost:8443/", "localhost", "8443"),
    ],
)
def test_an_env_has_the_name_and_the_port_of_the_url(
    url: str, name: str, port: str, tmp_path: Path
) -> None:
    """The certificate is for that name."""
    said = _make_env(tmp_path, url)
    assert said.returncode == 0, said.stderr
    text = (tmp_path / ".env").read_text()
    assert f"QBWC_PUBLIC_URL={url.rstrip('/')}\n" in text
    assert f"PROXY_NAME={name}\n" in text
    assert f"PROXY_HTTPS_PORT={port}\n" in text


def test_an_env_is_not_written_over_another_nor_for_http(tmp_path: Path) -> None:
    """Its secrets would be gone, and passwords would travel in the clear."""
    assert _make_env(tmp_path, "http://qb.example.com").returncode == 1
    assert not (tmp_path / ".env").exists()

    (tmp_path / ".env").write_text("mine")
    assert _make_env(tmp_path, "https://qb.example.com").returncode == 1
    assert (tmp_path / ".env").read_text() == "mine"


def test_an_env_of_before_is_given_what_it_lacks_and_keeps_the_rest(
    tmp_path: Path,
) -> None:
    """Two passwords; what is there already is what a volume and customers have."""
    assert _make_env(tmp_path, "https://qb.example.com").returncode == 0
    env = tmp_path / ".env"
    lines = env.read_text().splitlines()
    new = ("QBWC_SERVING_PASSWORD=", "QBWC_SUPPORT_PASSWORD=")
    before = [line for line in lines if not line.startswith(new)]
    assert len(before) == len(lines) - 2
    env.write_text("\n".join(before))  # without an end of its last line

    for _ in range(2):
        said = _make_env(tmp_path, "https://another.example.com")
        assert said.returncode == 0, said.stderr
        after = env.read_text().splitlines()
        assert after[: len(before)] == before
        added = after[len(before) :]
        assert [line.partition("=")[0] + "=" for line in added] == list(new)
        assert {len(line.partition("=")[2]) for line in added} == {64}
    assert "has all it needs" in said.stdout
    assert env.stat().st_mode & 0o777 == 0o600


def _make_env(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    (folder / "deploy").mkdir(exist_ok=True)
    script = folder / "deploy/env"
    script.write_text((ROOT / "deploy/env").read_text())
    return subprocess.run(
        ["sh", str(script)],
        env={"PUBLIC_URL": url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_service_has_the_login_that_it_needs_and_no_other() -> None:
    """Who takes over a server has not got the owner's password with it."""
    anchor, rest = COMPOSE.split("\nservices:\n")
    found = re.findall(r"^  (\w+):\n((?:    .*\n|\n|  #.*\n)+)", rest, re.MULTILINE)

    def given(*words: str) -> set[str]:
        return {name for name, body in found if any(one in body for one in words)}

    assert "QBWC_SERVING_PASSWORD" in anchor
    assert "QBWC_DATABASE_PASSWORD" not in anchor
    assert given("QBWC_DATABASE_PASSWORD", "*owner") == {"roles", "migrate", "operator"}
    assert given("QBWC_SUPPORT_PASSWORD") == {"roles", "web"}
    assert given("POSTGRES_PASSWORD") == {"db", "roles"}
    assert given("profiles: [operator]") == {"operator"}
