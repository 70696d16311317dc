"""`make env`: what an installation is set to, and the files with its secrets."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from qbwc_server.settings import Settings
from qbwc_server.storage import connections
from qbwc_server.storage.database import make_engine

ROOT = Path(__file__).parents[2]
URL = "https://qb.example.com"


def make_env(folder: Path, url: str = URL) -> subprocess.CompletedProcess[str]:
    """Run deploy/env in a folder that has nothing else."""
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


def made(folder: Path, **changed: str) -> dict[str, str]:
    """Return what .env has after lines of it were written anew and `make env` run."""
    path = folder / ".env"
    if changed:
        kept = [
            line
            for line in path.read_text().splitlines()
            if line.partition("=")[0] not in changed
        ]
        new = [f"{name}={value}" for name, value in changed.items()]
        path.write_text("\n".join([*kept, *new]))
    said = make_env(folder)
    assert said.returncode == 0, said.stderr
    lines = (one for one in path.read_text().splitlines() if one[:1] != "#")
    return dict(line.split("=", 1) for line in lines)


def secret(folder: Path, name: str) -> str:
    """Return what a file of secrets/ holds, as the program reads it."""
    return (folder / "secrets" / name).read_text().strip()


@pytest.mark.parametrize(
    ("url", "name", "port"),
    [
        (URL, "qb.example.com", "443"),
        ("https://localhost:8443/", "localhost", "8443"),
        ("https://10.0.0.7", "10.0.0.7", "443"),
    ],
)
def test_an_env_has_the_name_and_the_port_of_the_url(
    url: str, name: str, port: str, tmp_path: Path
) -> None:
    """The certificate is for that name."""
    said = make_env(tmp_path, url)
    assert said.returncode == 0, said.stderr
    text = (tmp_path / ".env").read_text()
    assert f"QBWC_PUBLIC_URL={url.rstrip('/')}\n" in text
    assert f"PROXY_NAME={name}\n" in text
    assert f"PROXY_HTTPS_PORT={port}\n" in text


@pytest.mark.parametrize(
    "url",
    [
        "http://qb.example.com",
        "qb.example.com",
        "https://",
        "https://[::1]:8443",
        "https://ann@qb.example.com",
        "https://qb.example.com#x",
        "https://qb.example.com?x=1",
        "https://qb.example.com/qbwc",
        "https://qb.example.com//",
        "https://qb.example.com:",
        "https://qb.example.com:0",
        "https://qb.example.com:65536",
        "https://qb.example.com:84x3",
        "https://qb.example.com:1:2",
        "https://-qb.example.com",
        "https://qb..example.com",
        "https://qb example.com",
        "https://qb_1.example.com",
        "https://qb.example.com\nPROXY_TLS=x",
    ],
)
def test_what_cannot_be_a_public_url_is_refused_in_one_line(
    url: str, tmp_path: Path
) -> None:
    """Passwords would travel in the clear, or a certificate be made for no name."""
    said = make_env(tmp_path, url)
    assert said.returncode == 1
    assert said.stderr.startswith("PUBLIC_URL must be https:// and a name")
    assert said.stderr == f"{said.stderr.partition('; it is ')[0]}; it is {url}\n"
    assert not (tmp_path / ".env").exists()
    assert not (tmp_path / "secrets").exists()


def test_an_env_is_not_written_over_another(tmp_path: Path) -> None:
    """Its secrets would be gone."""
    (tmp_path / ".env").write_text("mine")
    assert make_env(tmp_path).returncode == 1
    assert (tmp_path / ".env").read_text() == "mine"


def test_an_env_of_before_is_given_what_it_lacks_and_keeps_the_rest(
    tmp_path: Path,
) -> None:
    """What is there already is what a volume and customers have."""
    before = [
        f"QBWC_PUBLIC_URL={URL}",
        f"QBWC_SECRET_KEY={'k' * 64}",
        f"QBWC_DATABASE_PASSWORD={'d' * 64}",
        f"POSTGRES_PASSWORD={'p' * 64}",
    ]
    env = tmp_path / ".env"
    env.write_text("\n".join(before))  # without an end of its last line

    for _ in range(2):
        said = make_env(tmp_path, "https://another.example.com")
        assert said.returncode == 0, said.stderr
        after = env.read_text().splitlines()
        assert after[: len(before)] == before
        assert [line.partition("=")[0] for line in after[len(before) :]] == [
            *("QBWC_SERVING_PASSWORD", "QBWC_SUPPORT_PASSWORD", "QBWC_METRICS_TOKEN"),
            *("POSTGRES_MAX_CONNECTIONS", "QBWC_SECRETS"),
        ]
    assert "has all it needs" in said.stdout
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert secret(tmp_path, "QBWC_SECRET_KEY") == "k" * 64
    assert secret(tmp_path, "OWNER_URL") == f"postgresql://qbwc:{'d' * 64}@db/qbwc"


def test_a_secret_is_for_its_owner_here_and_for_every_user_of_a_container(
    tmp_path: Path,
) -> None:
    """A container sees the file with owner and mode of here, but not its folder."""
    made(tmp_path)
    folder = tmp_path / "secrets"
    folder.chmod(0o755)  # as after a careless copy
    made(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(one.stat().st_mode) for one in folder.iterdir()}
    assert modes == {0o444}


def test_containers_are_made_anew_when_a_secret_is_another_and_only_then(
    tmp_path: Path,
) -> None:
    """Docker compose does not look into files; it sees another QBWC_SECRETS."""
    first = made(tmp_path)
    assert made(tmp_path) == first

    second = made(tmp_path, QBWC_SECRET_KEY=f"{'n' * 64},{first['QBWC_SECRET_KEY']}")
    assert second["QBWC_SECRETS"] != first["QBWC_SECRETS"]
    assert second["QBWC_SECRETS"] not in second["QBWC_SECRET_KEY"]
    assert secret(tmp_path, "QBWC_SECRET_KEY") == second["QBWC_SECRET_KEY"]
    assert (
        made(tmp_path, QBWC_CONTACT_NAME="Ann")["QBWC_SECRETS"]
        == (second["QBWC_SECRETS"])
    )


@pytest.mark.parametrize("mark", ["", '"', "'"])
def test_what_is_set_by_hand_is_read_as_docker_compose_reads_it(
    mark: str, tmp_path: Path
) -> None:
    """The last line of a name, without quotes around it."""
    made(tmp_path)
    url = "smtps://ann:a=b&c@mail.example:465?from=ann@example.com"
    with (tmp_path / ".env").open("a") as env:
        env.write(f"QBWC_SMTP_URL=old\nQBWC_SMTP_URL={mark}{url}{mark}\n")
    made(tmp_path)
    assert secret(tmp_path, "QBWC_SMTP_URL") == url


def test_several_hosts_are_a_primary_and_its_standbys(tmp_path: Path) -> None:
    """Every new connection goes to the one that takes writes."""
    made(tmp_path)
    password = made(tmp_path, QBWC_DATABASE_HOST="10.0.0.3:5433,pg2")[
        "QBWC_SERVING_PASSWORD"
    ]
    url = secret(tmp_path, "SERVING_URL")
    assert url == (
        f"postgresql://qbwc_web:{password}@/qbwc?host=10.0.0.3:5433&host=pg2"
        "&target_session_attrs=read-write&connect_timeout=3"
    )
    engine = make_engine(url)
    _, options = engine.dialect.create_connect_args(engine.url)
    assert options["host"] == "10.0.0.3,pg2"
    assert options["port"] == "5433,"
    assert options["target_session_attrs"] == "read-write"


@pytest.mark.parametrize(
    ("scale", "had", "connections"),
    [
        ({}, None, "350"),
        ({"QBWC_WEB_SCALE": "6", "QBWC_WORKER_SCALE": "2"}, "350", "350"),
        ({"QBWC_WEB_SCALE": "6", "QBWC_WORKER_SCALE": "2"}, "100", "350"),
        ({"QBWC_WEB_SCALE": "9", "QBWC_WORKER_SCALE": "4"}, "350", "500"),
        ({"QBWC_WEB_SCALE": "6", "QBWC_WEB_PROCESSES": "4"}, "350", "560"),
        ({"QBWC_WEB_SCALE": "2"}, "2000", "2000"),
        ({"QBWC_WEB_SCALE": "1"}, "200", "200"),
    ],
)
def test_the_database_takes_the_connections_of_the_scale(
    scale: dict[str, str], had: str | None, connections: str, tmp_path: Path
) -> None:
    """And what somebody has set stays, where it is enough."""
    made(tmp_path)
    given = {} if had is None else {"POSTGRES_MAX_CONNECTIONS": had}
    assert made(tmp_path, **scale, **given)["POSTGRES_MAX_CONNECTIONS"] == connections


@pytest.mark.parametrize(
    ("web", "processes", "worker"),
    [(6, 2, 2), (7, 2, 2), (9, 2, 4), (6, 4, 2), (20, 2, 10), (8, 2, 1)],
)
def test_that_is_no_less_than_the_program_takes(
    web: int, processes: int, worker: int, tmp_path: Path
) -> None:
    """As the program's own sums have it, and not much more."""
    made(tmp_path)
    scale = {"QBWC_WEB_SCALE": str(web), "QBWC_WEB_PROCESSES": str(processes)}
    scale["QBWC_WORKER_SCALE"] = str(worker)
    found = int(made(tmp_path, **scale)["POSTGRES_MAX_CONNECTIONS"])
    wanted = connections.least(connections.needed(web, worker, processes=processes))
    assert wanted <= found <= max(wanted + 20, 350)


def test_a_scale_that_is_no_number_is_said(tmp_path: Path) -> None:
    """It would be taken for none, silently."""
    made(tmp_path)
    with (tmp_path / ".env").open("a") as env:
        env.write("QBWC_WEB_SCALE=three\n")
    said = make_env(tmp_path)
    assert said.returncode == 1
    assert said.stderr == "QBWC_WEB_SCALE in .env must be a number.\n"


def test_the_program_reads_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not set is an empty file, which is what is not set for the program."""
    had = made(tmp_path)
    for name, file in (
        ("QBWC_DATABASE_URL", "SERVING_URL"),
        *((name, name) for name in ("QBWC_SECRET_KEY", "QBWC_METRICS_TOKEN")),
        *((name, name) for name in ("QBWC_SMTP_URL", "QBWC_NOTIFY_WEBHOOK")),
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secrets" / file))
    settings = Settings()
    assert settings.keys() == [had["QBWC_SECRET_KEY"]]
    assert settings.metrics_token.get_secret_value() == had["QBWC_METRICS_TOKEN"]
    assert settings.database_url.endswith("@db/qbwc")
    assert settings.smtp_url.get_secret_value() == ""
    assert settings.notify_webhook.get_secret_value() == ""
