"""What is deployed agrees with the program, and its handbook with both."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from qbwc_server import __version__
from qbwc_server.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
HANDBOOK = (ROOT / "docs/operations.md").read_text()
ENV = (ROOT / "deploy/env").read_text()
_OF_THE_IMAGE = {"data_dir", "log_json"}
_SECRET = {
    name
    for name, field in Settings.model_fields.items()
    if field.annotation is SecretStr or not field.repr
}
_MB = 1024 * 1024


def _asked_for() -> set[str]:
    """Return the names that docker-compose.yml and deploy/env read from .env."""
    by_env = re.findall(r"(?:value|number) ([A-Z_]+)", ENV) + _kept()
    others = (ROOT / "deploy").rglob("*.yml")
    return set(by_env).union(
        *(
            re.findall(r"\$\{([A-Z_]+)", text)
            for text in (COMPOSE, *(path.read_text() for path in others))
        )
    )


def _kept() -> list[str]:
    """Return the names that deploy/env writes into files as they are."""
    found = re.search(r"for one in (POSTGRES_PASSWORD.*?); do", ENV, re.DOTALL)
    assert found is not None
    return re.findall(r"[A-Z_]+", found[1])


def test_every_setting_reaches_the_containers() -> None:
    """Whoever writes one into .env is not left wondering."""
    given = set(re.findall(r"^ {4,6}QBWC_([A-Z_]+):", COMPOSE, re.MULTILINE))
    # Of `roles`.
    given = {name for name in given if not name.endswith("_PASSWORD_FILE")}
    assert given == {
        f"{name.upper()}_FILE" if name in _SECRET else name.upper()
        for name in Settings.model_fields.keys() - _OF_THE_IMAGE
    }


def test_what_is_secret_is_in_files_and_nowhere_in_a_container_s_settings() -> None:
    """Whoever may ask the engine about a container reads those."""
    assert {"secret_key", "metrics_token", "database_url"} <= _SECRET
    environment = re.findall(r"^ {4,6}([A-Z_]+): (.+)$", COMPOSE, re.MULTILINE)
    secret = r"PASSWORD|SECRET|TOKEN|_KEY|WEBHOOK|SMTP|DATABASE_URL"
    files = {name: to for name, to in environment if re.search(secret, name)}
    assert len(files) > 8
    assert all(name.endswith("_FILE") for name in files), files
    named = {
        line.partition(":")[0].strip()
        for line in COMPOSE.split("\nsecrets:\n")[1].splitlines()
    }
    assert {
        to.rpartition("/")[2] for to in files.values() if to.startswith("/")
    } <= named
    assert named == {*_kept(), *re.findall(r"^keep ([A-Z_]+)", ENV, re.MULTILINE)}
    assert not _asked_by_compose() & set(_kept())


def _asked_by_compose() -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))


def test_the_images_are_those_of_this_version() -> None:
    """An upgrade leaves the images of before beside its own."""
    images = re.findall(r"image: \$\{QBWC_\w+:-[a-z-]+\}:(.*)", COMPOSE)
    assert images == [f"${{QBWC_VERSION:-{__version__}}}"] * 2


def test_the_log_of_no_container_fills_the_disk() -> None:
    """Nor does one that takes more and more memory end the others."""
    services = COMPOSE.split("\nservices:\n")[1].split("\nnetworks:\n")[0]
    found = re.findall(r"^  (\w+):\n((?:    .*\n|\n|  #.*\n)+)", services, re.MULTILINE)
    assert len(found) > 6
    server = COMPOSE.split("\nservices:\n")[0]
    for name, body in found:
        own = server if "<<: *server" in body else body
        assert "logging: *logs" in own, name
        assert "mem_limit:" in own, name
    assert "max-size" in COMPOSE
    assert "max-file" in COMPOSE
    journal = (ROOT / "deploy/journald.yml").read_text()
    assert set(re.findall(r"^  (\w+): \{", journal, re.MULTILINE)) == {
        name for name, _ in found
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
    units = sorted(map(str, (ROOT / "deploy/systemd").glob("qbwc-backup.*")))
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


def test_each_service_has_the_login_that_it_needs_and_no_other() -> None:
    """Who takes over a server has not got the owner's password with it."""
    anchor, rest = COMPOSE.partition("\nsecrets:\n")[0].split("\nservices:\n")
    found = re.findall(r"^  (\w+):\n((?:    .*\n|\n|  #.*\n)+)", rest, re.MULTILINE)

    def given(*words: str) -> set[str]:
        return {name for name, body in found if any(one in body for one in words)}

    assert "SERVING_URL" in anchor
    assert "OWNER_URL" not in anchor
    assert "QBWC_DATABASE_PASSWORD" not in anchor
    owner = ("QBWC_DATABASE_PASSWORD", "OWNER_URL", "*owner", "*of_owner")
    assert given(*owner) == {"roles", "migrate", "operator"}
    assert given("QBWC_SUPPORT_PASSWORD", "SUPPORT_URL") == {"roles", "web"}
    assert given("POSTGRES_PASSWORD") == {"db", "roles"}
    assert given("profiles: [operator]") == {"operator"}
