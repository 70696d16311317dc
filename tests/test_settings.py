"""Settings: from arguments, the environment and files, and the key made by itself."""

from __future__ import annotations

import secrets
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from qbwc_server.keys import Keys
from qbwc_server.settings import SettingMissing, Settings

VALUES: dict[str, tuple[str, Any]] = {
    "data_dir": ("/var/lib/qbwc", Path("/var/lib/qbwc")),
    "database_url": ("postgresql://u:p@db/q", "postgresql://u:p@db/q"),
    "support_database_url": (
        "postgresql://r:p@db/q",
        SecretStr("postgresql://r:p@db/q"),
    ),
    "public_url": ("https://q.example.com/", "https://q.example.com"),
    "secret_key": ("k" * 40, SecretStr("k" * 40)),
    "log_level": ("DEBUG", "DEBUG"),
    "log_json": ("true", True),
    "metrics_token": ("t" * 16, SecretStr("t" * 16)),
    "metrics_port": ("9464", 9464),
    "max_body_bytes": ("2048", 2048),
    "minimum_web_connector": ("2.3", "2.3"),
    "proxies": ("127.0.0.1, 172.16.0.0/12", "127.0.0.1, 172.16.0.0/12"),
    "setup_link_days": ("3", 3),
    "page_link_days": ("30", 30),
    "notify_webhook": ("https://h.example.com", SecretStr("https://h.example.com")),
    "notify_email": ("ops@example.com", "ops@example.com"),
    "smtp_url": ("smtp://mail:587", SecretStr("smtp://mail:587")),
    "contact_name": ("Mara Quill", "Mara Quill"),
    "contact_address": ("mara@firm.example", "mara@firm.example"),
    "contact_hours": ("weekdays 9 to 5", "weekdays 9 to 5"),
    "customer_may_switch": ("false", False),
    "session_idle_minutes": ("7", 7),
    "session_takeover_seconds": ("0", 0),
    "page_size": ("100", 100),
    "write_batch": ("5", 5),
    "full_compare_days": ("1", 1),
    "mosaic_requests": ("100", 100),
    "mosaic_window_seconds": ("60", 60),
    "mosaic_settle_seconds": ("30", 30),
    "mosaic_timeout_seconds": ("10", 10),
    "mosaic_origin": ("example.com", "example.com"),
    "worker_threads": ("2", 2),
    "lease_seconds": ("20", 20),
    "mosaic_refresh_hours": ("1", 1),
    "time_history_years": ("3", 3),
    "time_window_days": ("60", 60),
    "time_window_minutes": ("30", 30),
    "time_hot_days": ("7", 7),
    "time_hot_minutes": ("2", 2),
    "exchange_days": ("7", 7),
    "history_days": ("90", 90),
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine that runs the tests is seen by them."""
    import os

    for name in os.environ:
        if name.startswith("QBWC_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_setting_is_tested_here_and_says_what_it_is() -> None:
    """Each has a description, which the documentation shows."""
    assert set(VALUES) == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize("name", VALUES)
def test_each_setting_comes_from_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As QBWC_ and its name, and it differs from the default."""
    text, value = VALUES[name]
    assert getattr(Settings(), name) != value

    monkeypatch.setenv(f"QBWC_{name.upper()}", text)

    assert getattr(Settings(), name) == value


@pytest.mark.parametrize("name", VALUES)
def test_each_setting_comes_from_a_file_named_in_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As Docker hands out secrets; a line end behind it is not part of it."""
    text, value = VALUES[name]
    (tmp_path / "value").write_text(f"{text}\n", "utf-8")

    monkeypatch.setenv(f"QBWC_{name.upper()}_FILE", str(tmp_path / "value"))

    assert getattr(Settings(), name) == value


def test_arguments_come_before_the_environment_and_that_before_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a setting is said more than once, the nearest counts."""
    (tmp_path / "value").write_text("WARNING", "utf-8")
    monkeypatch.setenv("QBWC_LOG_LEVEL_FILE", str(tmp_path / "value"))
    assert Settings().log_level == "WARNING"
    monkeypatch.setenv("QBWC_LOG_LEVEL", "ERROR")
    assert Settings().log_level == "ERROR"
    assert Settings(log_level="DEBUG").log_level == "DEBUG"


def test_a_file_that_is_not_there_is_an_error_and_not_a_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A server with a forgotten secret must not start with none."""
    monkeypatch.setenv("QBWC_SECRET_KEY_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(SettingMissing, match="QBWC_SECRET_KEY_FILE"):
        Settings()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page_size", "0"),
        ("write_batch", "many"),
        ("max_body_bytes", "-1"),
        ("lease_seconds", ""),
        ("log_json", "perhaps"),
        ("proxies", "1"),
        ("proxies", "10.0.0.1/8"),
        ("proxies", "caddy"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start, and not when it is first used."""
    monkeypatch.setenv(f"QBWC_{name.upper()}", text)
    with pytest.raises(ValidationError, match=name):
        Settings()


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://sync.example.com", True),
        ("http://localhost:8000", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:8000", True),
        ("http://sync.example.com", False),
        ("http://localhost.example.com", False),
    ],
)
def test_a_public_url_without_https_is_refused_unless_it_is_this_computer(
    url: str, *, taken: bool
) -> None:
    """Passwords and hours would travel in the clear; the sentence says what to do."""
    settings = Settings(public_url=url)
    if taken:
        settings.require_https()
    else:
        with pytest.raises(SettingMissing, match="https"):
            settings.require_https()


def test_settings_cannot_be_changed_and_do_not_show_the_key() -> None:
    """They are handed around and printed with an error."""
    settings = Settings(secret_key=SecretStr("k" * 40))
    with pytest.raises(ValidationError):
        settings.page_size = 1
    assert "kkkk" not in repr(settings)


def test_the_embedded_database_lies_in_the_data_folder(tmp_path: Path) -> None:
    """Which is made when it is needed."""
    folder = tmp_path / "a" / "b"
    assert Settings(data_dir=folder).url() == f"sqlite:///{folder}/qbwc.db"
    assert folder.is_dir()


def test_the_key_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    """A second server on the same folder has the same key."""
    folder = tmp_path / "data"
    first = Settings(data_dir=folder).keys()
    second = Settings(data_dir=folder).keys()

    assert first == second
    assert len(first) == 1
    assert len(first[0]) >= 32
    assert [one.name for one in folder.iterdir()] == ["secret.key"]
    assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600


def _key_of(folder: Path) -> str:
    return Settings(data_dir=folder).keys()[0]


def test_servers_that_start_together_have_one_key(tmp_path: Path) -> None:
    """Server and worker begin at the same moment on a new folder."""
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            keys = set(pool.map(_key_of, [tmp_path / str(number)] * 8))
            assert len(keys) == 1


def test_nobody_ever_reads_half_of_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file has its name only when it is whole, also if its maker dies."""

    def dies(_: int) -> str:
        assert not (tmp_path / "secret.key").exists()
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(secrets, "token_urlsafe", dies)
        with pytest.raises(ZeroDivisionError):
            Settings(data_dir=tmp_path).keys()
    assert list(tmp_path.iterdir()) == []
    assert len(Settings(data_dir=tmp_path).keys()[0]) >= 32


@pytest.mark.parametrize("content", ["", "\n", "short"])
def test_a_key_file_that_was_emptied_is_not_taken_for_a_key(
    tmp_path: Path, content: str
) -> None:
    """Hashes under an empty key could be made by anybody."""
    (tmp_path / "secret.key").write_text(content, "ascii")
    with pytest.raises(SettingMissing, match=r"secret\.key"):
        Settings(data_dir=tmp_path).keys()


def test_a_shared_database_without_a_key_is_refused() -> None:
    """Each machine would make its own, and none understand the others' hashes."""
    for url in ("postgresql://db/q", "postgres://db/q"):
        for key in ("", " , "):
            settings = Settings(database_url=url, secret_key=SecretStr(key))
            with pytest.raises(SettingMissing, match="QBWC_SECRET_KEY"):
                settings.keys()


def test_several_keys_are_taken_in_their_order() -> None:
    """Spaces around them are not part of them."""
    settings = Settings(secret_key=SecretStr(f" {'n' * 32}, {'o' * 32},"))

    assert settings.keys() == ["n" * 32, "o" * 32]
    assert Keys(settings.keys()).hash("x", "y") == Keys(["n" * 32]).hash("x", "y")


def test_a_key_that_is_too_short_to_be_secret_is_refused() -> None:
    """Also beside a long one, and without showing it."""
    settings = Settings(secret_key=SecretStr(f"{'n' * 32},hunter2"))
    with pytest.raises(SettingMissing, match="32 characters") as refused:
        settings.keys()
    assert "hunter2" not in str(refused.value)
