"""Every setting, read once from the environment: the only reader of it.

Each is `QBWC_<NAME>`, or `QBWC_<NAME>_FILE` naming a file that holds the value, as
Docker secrets do. `docs/settings.md` lists them; a test keeps that list complete.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from qbwc_server import private, setting_values
from qbwc_server.errors import QbwcError
from qbwc_server.proxies import networks
from qbwc_server.setting_values import OF_A_FILE, PREFIX

_SHORTEST_KEY = 32
_SHORTEST_TOKEN = 16
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class SettingMissing(QbwcError):
    """A setting that has no safe default is not set, or not to a safe value."""

    id: ClassVar[str] = "setting-missing"


class _Files(PydanticBaseSettingsSource):
    """Reads QBWC_NAME_FILE, a path whose content is the value of QBWC_NAME.

    A name of ours that is no setting is refused here: whoever wrote it meant one.
    """

    def get_field_value(
        self,
        field: FieldInfo,  # noqa: ARG002 - the base class' signature
        field_name: str,
    ) -> tuple[Any, str, bool]:
        variable = f"{PREFIX}{field_name.upper()}{OF_A_FILE}"
        path = os.environ.get(variable)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text("utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            raise SettingMissing(
                f"{variable} names a file that cannot be read: {error}"
            ) from error

    def __call__(self) -> dict[str, Any]:
        wrong = setting_values.unknown(os.environ, self.settings_cls.model_fields)
        if wrong:
            raise SettingMissing(" ".join(wrong))
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, name)
            if value is not None:
                found[key] = value
        return found


class Settings(BaseSettings):
    """All settings, frozen. Times are in the unit that the name says."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    data_dir: Path = Field(
        default=Path("qbwc-data"),
        description="Folder for the embedded database, its key and .qwc files.",
    )
    database_url: str = Field(
        default="",
        repr=False,  # it may hold a password
        description="SQLAlchemy URL; empty: SQLite file `qbwc.db` in the data folder. "
        "With PostgreSQL the login is one that owns nothing for server and worker, and "
        "the owner's for migrations and operators' commands.",
    )
    support_database_url: SecretStr = Field(
        default=SecretStr(""),
        description="The same PostgreSQL database with the login that the support "
        "console reads with, a member of `qbwc_support`. Empty: no console. SQLite "
        "needs none.",
    )
    public_url: str = Field(
        default="http://localhost:8000",
        description="How customers' computers reach this server: https and a name.",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key for hashes and encryption, at least 32 characters. Several "
        "separated by commas: the first is used, the others are still understood. "
        "Empty with SQLite: made once and kept in the data folder.",
    )
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_json: bool = Field(default=False, description="Log lines as JSON.")
    metrics_token: SecretStr = Field(
        default=SecretStr(""),
        description="What Prometheus shows as a bearer token to read /metrics, at "
        "least 16 characters. Empty: there is no /metrics.",
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port on which `qbwc-server worker` has its /metrics; 0: none. The "
        "server has it on its own port, a worker beside it needs none.",
    )
    max_body_bytes: int = Field(
        default=5 * 1024 * 1024,
        ge=1024,
        description="Largest answer of QuickBooks taken, in bytes.",
    )
    minimum_web_connector: str = Field(
        default="2.1",
        description="Oldest Web Connector version that may connect.",
    )
    proxies: str = Field(
        default="",
        description="Addresses or networks of your proxies, separated by commas: what "
        "they say of the caller (X-Forwarded-For, X-Forwarded-Proto) is believed, what "
        "others say is not. Empty: nobody.",
    )
    setup_link_days: int = Field(
        default=14,
        ge=1,
        description="Days for which a setup link shows new passwords, and waits to be "
        "opened for the first time.",
    )
    page_link_days: int = Field(
        default=90,
        ge=1,
        description="Days without a visit after which a link that was opened ends.",
    )
    notify_webhook: SecretStr = Field(
        default=SecretStr(""),
        description="URL that is told, as JSON, when a connection is late or is back.",
    )
    notify_email: str = Field(
        default="",
        description="Addresses, separated by commas, that are told the same by e-mail.",
    )
    smtp_url: SecretStr = Field(
        default=SecretStr(""),
        description="How e-mail is sent: smtps://user:password@host:465 or "
        "smtp://host:587, `?from=address` for the sender. Empty: customers are not "
        "offered alerts to their own address either.",
    )
    contact_name: str = Field(
        default="",
        description="Whom customers ask: a name, shown at the end of every page.",
    )
    contact_address: str = Field(
        default="",
        description="Where: an e-mail address, a phone number, or an https address.",
    )
    contact_hours: str = Field(
        default="", description='When somebody is there, such as "weekdays 9 to 5 ET".'
    )
    customer_may_switch: bool = Field(
        default=True,
        description="Whether whoever has the setup link may switch two-way time, "
        "choose the rule, pause, and end such a pause.",
    )
    session_idle_minutes: int = Field(
        default=15,
        ge=1,
        description="A session without a call for so long has ended.",
    )
    session_takeover_seconds: int = Field(
        default=60,
        ge=0,
        description="After so long without a call, a new run from the same address "
        "takes over a session.",
    )
    page_size: int = Field(
        default=500, ge=1, description="Objects asked of QuickBooks in one answer."
    )
    write_batch: int = Field(
        default=25, ge=1, description="Most writes in one message set."
    )
    full_compare_days: int = Field(
        default=7, ge=1, description="Days between two complete reads of a list."
    )
    mosaic_requests: int = Field(
        default=300,
        ge=20,
        description="Requests that Mosaic allows for one key in one window.",
    )
    mosaic_window_seconds: int = Field(
        default=300, ge=1, description="Length of that window, in seconds."
    )
    mosaic_settle_seconds: int = Field(
        default=120,
        ge=1,
        description="How long an answer of Mosaic may stay out before we look for it.",
    )
    mosaic_timeout_seconds: int = Field(
        default=30, ge=1, description="How long one request to Mosaic may take."
    )
    mosaic_origin: str = Field(
        default="",
        description="The domain told to Mosaic with the key; empty: the public URL.",
    )
    worker_threads: int = Field(
        default=8, ge=1, description="Companies that one worker serves at once."
    )
    lease_seconds: int = Field(
        default=60,
        ge=1,
        description="After so long without a sign of life, another worker goes on.",
    )
    mosaic_refresh_hours: int = Field(
        default=12, ge=1, description="Hours between two reads of Mosaic's lists."
    )
    time_history_years: int = Field(
        default=10, ge=1, description="Years of time read from QuickBooks at first."
    )
    time_window_days: int = Field(
        default=120, ge=1, description="Days back in which changes in Mosaic are seen."
    )
    time_window_minutes: int = Field(
        default=60, ge=1, description="Minutes between two reads of that window."
    )
    time_hot_days: int = Field(
        default=14, ge=1, description="Days back that are read more often."
    )
    time_hot_minutes: int = Field(
        default=5, ge=1, description="Minutes between two reads of those days."
    )

    exchange_days: int = Field(
        default=30,
        ge=1,
        description="Days after which what was sent to QuickBooks and answered, and "
        "Mosaic's callbacks, are removed; what is still open stays.",
    )
    history_days: int = Field(
        default=400,
        ge=1,
        description="Days after which finished jobs, closed sessions and settled "
        "writes to Mosaic are removed.",
    )

    _of_level = field_validator("log_level")(setting_values.level)
    _of_database = field_validator("database_url")(setting_values.database)
    _of_public = field_validator("public_url")(setting_values.public)
    _of_addresses = field_validator("notify_email")(setting_values.addresses)

    @field_validator("support_database_url", "notify_webhook", "smtp_url")
    @classmethod
    def _of_secret(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        checks = {
            "support_database_url": setting_values.database,
            "notify_webhook": setting_values.webhook,
            "smtp_url": setting_values.mail_server,
        }
        checks[str(info.field_name)](value.get_secret_value())
        return value

    @field_validator("metrics_token")
    @classmethod
    def _not_guessed(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < _SHORTEST_TOKEN:
            raise ValueError(f"it has fewer than {_SHORTEST_TOKEN} characters")
        return value

    @field_validator("proxies")
    @classmethod
    def _of_networks(cls, value: str) -> str:
        networks(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then files named in it."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _Files(settings_cls)

    def url(self) -> str:
        """Return the database URL, making the data folder for SQLite."""
        if self.database_url:
            return self.database_url
        private.folder(self.data_dir)
        return f"sqlite:///{self.data_dir.resolve() / 'qbwc.db'}"

    def require_https(self) -> None:
        """Refuse a public URL over which passwords would travel in the clear.

        Raises:
            SettingMissing: it is http, and not of this computer alone.
        """
        url = urlsplit(self.public_url)
        if url.scheme != "https" and url.hostname not in _LOCAL:
            raise SettingMissing(
                f"QBWC_PUBLIC_URL is {self.public_url}: passwords would travel in the "
                "clear. Give it as https, with a proxy in front that ends TLS."
            )

    def keys(self) -> list[str]:
        """Return the secret keys, the one in use first.

        Raises:
            SettingMissing: none is set and the database is shared by machines, or one
                is too short to be secret.
        """
        given = self.secret_key.get_secret_value().split(",")
        keys = [key.strip() for key in given if key.strip()]
        if not keys:
            if not self.url().startswith("sqlite"):
                raise SettingMissing(
                    "Set QBWC_SECRET_KEY to a random text of at least 32 characters, "
                    "the same on every machine."
                )
            keys = [_own_key(self.data_dir / "secret.key")]
        if any(len(key) < _SHORTEST_KEY for key in keys):
            raise SettingMissing(
                "A secret key, of QBWC_SECRET_KEY or in secret.key in the data folder, "
                f"has fewer than {_SHORTEST_KEY} characters."
            )
        return keys


def logs_as_json() -> bool:
    """Tell whether log lines are JSON, where the settings cannot be read.

    What is wrong with them is to be told in the form that is asked for.
    """
    said = os.environ.get(f"{PREFIX}LOG_JSON", "")
    return said.strip().lower() in {"1", "true", "t", "yes", "y", "on"}


def _own_key(path: Path) -> str:
    """Return the key kept in a file, made once by whichever process comes first."""
    private.folder(path.parent)
    private.close(path)
    if not path.exists():
        # Written whole before it has its name: nobody ever reads half of it.
        handle, made = tempfile.mkstemp(prefix="secret-", dir=path.parent)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(made, path)
        finally:
            os.unlink(made)  # noqa: PTH108 - beside os.link
    return path.read_text("ascii").strip()
