"""What values settings may have: each check returns the value, or says what is wrong.

Rule: nothing that is said holds the value, which may be a password or an address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

PREFIX, OF_A_FILE = "QBWC_", "_FILE"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
OF_OTHERS = frozenset(
    {
        *("QBWC_WEB_PROCESSES", "QBWC_WEB_SCALE", "QBWC_WORKER_SCALE"),
        *("QBWC_IMAGE", "QBWC_PROXY_IMAGE"),
        *("QBWC_VERSION", "QBWC_MEMORY", "QBWC_SECRETS"),
        *("QBWC_DATABASE_HOST", "QBWC_INSIDE"),
        *("QBWC_DATABASE_PASSWORD", "QBWC_DATABASE_PASSWORD_FILE"),
        *("QBWC_SERVING_PASSWORD", "QBWC_SERVING_PASSWORD_FILE"),
        *("QBWC_SUPPORT_PASSWORD", "QBWC_SUPPORT_PASSWORD_FILE"),
        *("QBWC_TEST_DATABASE_URL", "QBWC_REFERENCE_DATA"),
    }
)
"""Of docker compose and of the tests: they may be in the environment all the same."""
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_DATABASES = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")


def unknown(names: Iterable[str], settings: Collection[str]) -> list[str]:
    """Return what is wrong with names of an environment, a sentence for each.

    `settings` are the names without prefix, in small letters.
    """
    ours = {f"{PREFIX}{one.upper()}" for one in settings}
    known = ours | {f"{one}{OF_A_FILE}" for one in ours} | OF_OTHERS
    said = []
    for name in sorted(set(names)):
        if not name.startswith(PREFIX) or name in known:
            continue
        near = get_close_matches(name, sorted(ours), 1, 0.8)
        meant = f" Is {near[0]} meant?" if near else ""
        said.append(f"{name} is no setting.{meant}")
    return said


def level(value: str) -> str:
    """Return a log level in capital letters.

    Raises:
        ValueError: there is no such level.
    """
    if value.upper() not in LEVELS:
        raise ValueError(f"it is one of {', '.join(LEVELS)}")
    return value.upper()


def database(value: str) -> str:
    """Return a URL of SQLite or PostgreSQL; an empty one is nobody's.

    Raises:
        ValueError: it is of neither, or cannot be taken apart.
    """
    if not value:
        return value
    scheme, _, rest = value.partition("://")
    if scheme not in _DATABASES:
        raise ValueError(
            "it begins with postgresql:// or sqlite:///, which are the databases there "
            "are"
        )
    place = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    if "," in place:
        raise ValueError(
            "several servers are named behind a question mark: postgresql://user@/name"
            "?host=a:5432&host=b:5432&target_session_attrs=read-write"
        )
    _parts(value.partition("?")[0] if scheme != "sqlite" else "sqlite://x")
    return value


def public(value: str) -> str:
    """Return how we are reached, without a slash at its end.

    Raises:
        ValueError: it is no http or https address.
    """
    _web(value)
    return value.rstrip("/")


def webhook(value: str) -> str:
    """Return an http or https address, or nothing.

    Raises:
        ValueError: it is neither.
    """
    if value:
        _web(value)
    return value


def mail_server(value: str) -> str:
    """Return smtp://host or smtps://host, or nothing.

    Raises:
        ValueError: it is neither.
    """
    if value:
        parts = _parts(value)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("it is smtps://user:password@host:465 or smtp://host:587")
    return value


def addresses(value: str) -> str:
    """Return e-mail addresses separated by commas, or nothing.

    Raises:
        ValueError: one of them is no address.
    """
    for number, one in enumerate(value.split(",") if value.strip() else [], 1):
        name, _, place = one.strip().rpartition("@")
        if not name or not place or any(sign.isspace() for sign in one.strip()):
            raise ValueError(f"the {number}. of them is no e-mail address")
    return value


def mosaic(value: str) -> str:
    """Return the address of a Mosaic server.

    Its key travels there, so it is https and of a name that the world knows; http only
    to this computer itself, where a demonstration has one.

    Raises:
        ValueError: it is not.
    """
    parts = _parts(value)
    host = parts.hostname or ""
    if host in _LOCAL and parts.scheme in {"http", "https"}:
        return value
    if parts.scheme != "https":
        raise ValueError("it must be https: Mosaic's key travels there")
    if not _is_known_to_the_world(host) or parts.username or parts.query:
        raise ValueError("it is no address of a server: https://api.mosaic.example")
    return value


def _web(value: str) -> None:
    parts = _parts(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it is no http or https address")


def _parts(value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - it is looked at when it is asked for
    except ValueError:
        raise ValueError("it cannot be read as an address: host or port") from None
    if any(sign.isspace() for sign in value):
        raise ValueError("it has blanks in it")
    return parts


def _is_known_to_the_world(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        parts = host.rstrip(".").split(".")
        return len(parts) > 1 and all(
            part and part.replace("-", "").isalnum() for part in parts
        )
    return True
