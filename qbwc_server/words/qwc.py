"""A company's .qwc file: what a customer opens to connect QuickBooks with us.

Rules, from Intuit's Web Connector programmer's guide and from what breaks in practice:

1. The same company always gets the same file. OwnerID and FileID are stamped into the
   company file; a second pair is refused with QBWC1039.
2. IsReadOnly is false. With true, Web Connector may not write its own stamp and the
   registration fails.
3. Style stays out, so that document style calls arrive, the only ones we answer.
4. Nothing secret is in it: the customer types the password into Web Connector.

A company's name becomes what Web Connector and QuickBooks list it as, a user name and a
file's name; all of that is made here.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from lxml import etree

_GUID: Final = re.compile(r"\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}")
_NAME_LENGTH: Final = 60
_IN_ASCII: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O"}
    | {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "þ": "th"}
)
"""Latin letters that Unicode does not take apart into one of ASCII and a mark."""
_ELEMENTS: Final = {
    "app_name": "AppName",
    "app_url": "AppURL",
    "app_description": "AppDescription",
    "app_support": "AppSupport",
    "username": "UserName",
    "owner_id": "OwnerID",
    "file_id": "FileID",
    "run_every_minutes": "Scheduler/RunEveryNMinutes",
}


class QwcProblem(StrEnum):
    """Why there is no usable .qwc file. The values are stable and documented."""

    NOT_HTTPS = "qwc.app_url_not_https"
    """Web Connector takes http for localhost only (QBWC1010)."""
    IP_ADDRESS = "qwc.host_is_ip_address"
    """Web Connector wants host names (QBWC1001, QBWC1002)."""
    OTHER_DOMAIN = "qwc.app_support_on_other_domain"
    """Web Connector wants AppURL and AppSupport on one domain (QBWC1000)."""
    NO_GUID = "qwc.id_is_no_guid"
    """OwnerID and FileID are GUIDs in braces."""
    INTERVAL = "qwc.interval_below_one_minute"
    """The scheduler counts whole minutes, one at least."""
    UNREADABLE = "qwc.unreadable"
    """The file is not XML, or an element is missing."""


class QwcError(ValueError):
    """A .qwc file cannot be made or read.

    `problem` is the stable identification, `detail` the value that caused it.
    """

    def __init__(self, problem: QwcProblem, detail: str) -> None:
        super().__init__(f"{problem}: {detail}")
        self.problem = problem
        self.detail = detail


@dataclass(frozen=True, slots=True)
class QwcFile:
    """What differs between the .qwc files of two companies.

    `app_url` and `app_support` are absolute URLs, `owner_id` and `file_id` GUIDs in
    braces, `run_every_minutes` at least 1. `app_description` should stay under 80
    characters, which is what Web Connector shows.
    """

    app_name: str
    app_url: str
    app_description: str
    app_support: str
    username: str
    owner_id: str
    file_id: str
    run_every_minutes: int


def render(qwc: QwcFile) -> bytes:
    r"""Write a .qwc file.

    Args:
        qwc: its values. White space in them is collapsed; characters that cannot be
            shown are left out.

    Returns:
        XML in ASCII with CRLF line ends; other characters are numeric references,
        because the file carries no encoding and passes through mail programs.

    Raises:
        QwcError: Web Connector would refuse to add this file.
    """
    _check(qwc)
    environment = Environment(
        loader=FileSystemLoader(_templates()),
        autoescape=True,
        undefined=StrictUndefined,
        newline_sequence="\r\n",
        keep_trailing_newline=True,
        finalize=lambda value: plain(str(value)),
    )
    text = environment.get_template("company.qwc.j2").render(qwc=qwc)
    return text.encode("ascii", "xmlcharrefreplace")


def parse(data: bytes) -> QwcFile:
    """Read a .qwc file back.

    Args:
        data: the bytes of the file.

    Returns:
        Its values, unchecked otherwise: a file in the field may break our rules.

    Raises:
        QwcError: it is not XML or lacks an element we always write.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise QwcError(QwcProblem.UNREADABLE, str(error)) from error
    values = {name: root.findtext(path) for name, path in _ELEMENTS.items()}
    missing = [_ELEMENTS[name] for name, value in values.items() if not value]
    minutes = values.pop("run_every_minutes") or ""
    if missing or not (minutes.isascii() and minutes.isdigit()):
        detail = ", ".join(missing) or f"RunEveryNMinutes {minutes!r}"
        raise QwcError(QwcProblem.UNREADABLE, detail)
    return QwcFile(
        **{name: value or "" for name, value in values.items()},
        run_every_minutes=int(minutes),
    )


def app_name(company_name: str) -> str:
    """Return what Web Connector and QuickBooks list a company's connection as."""
    return f"Mosaic for {plain(company_name)}"


def plain(text: str) -> str:
    """Keep what XML can hold and a window can show, on one line."""
    spaced = " ".join(text.split())
    shown = (character for character in spaced if character.isprintable())
    return " ".join("".join(shown).split())


def in_ascii(text: str) -> str:
    """Return the letters and digits of a text that ASCII has, with hyphens between.

    Accents are taken off; what is written in another script is left out.
    """
    apart = unicodedata.normalize("NFKD", text.translate(_IN_ASCII))
    kept = apart.encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", kept).strip("-")


def file_name(company_name: str) -> str:
    """Name the file a customer downloads, for whatever takes ASCII alone.

    Args:
        company_name: any text.

    Returns:
        "mosaic-NAME.qwc" of letters, digits and hyphens. The prefix also keeps names
        such as CON, which Windows reserves, from standing alone. Where ASCII lacks a
        letter of the name, or it is too long, a mark of the whole name follows, so that
        the files of two companies are told apart.
    """
    name = in_ascii(company_name)
    short = name[:_NAME_LENGTH].strip("-")
    if short and short == name and not _lacks_letters(company_name):
        return f"mosaic-{name}.qwc"
    mark = hashlib.sha256(company_name.encode("utf-8", "replace")).hexdigest()[:6]
    return f"mosaic-{short or 'company'}-{mark}.qwc"


def full_file_name(company_name: str) -> str:
    """Name the same file in the company's own script.

    Letters and digits of any script with their marks, and hyphens: nothing in it is a
    folder, reserved by Windows, or turns the order in which it is read.
    """
    composed = unicodedata.normalize("NFC", company_name)
    kept = "".join(one if _is_of_a_word(one) else " " for one in composed)
    name = "-".join(kept.split())[:_NAME_LENGTH].strip("-")
    return f"mosaic-{name}.qwc" if name else file_name(company_name)


def _lacks_letters(text: str) -> bool:
    """Tell whether ASCII lacks a letter or digit of a text, marks left aside."""
    apart = unicodedata.normalize("NFKD", text.translate(_IN_ASCII))
    return any(one.isalnum() and not one.isascii() for one in apart)


def _is_of_a_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _check(qwc: QwcFile) -> None:
    """Raise QwcError for what Web Connector refuses when the file is added."""
    url, support = urlsplit(qwc.app_url), urlsplit(qwc.app_support)
    if url.scheme != "https" and (url.scheme, url.hostname) != ("http", "localhost"):
        raise QwcError(QwcProblem.NOT_HTTPS, qwc.app_url)
    for parts in (url, support):
        if _is_ip_address(parts.hostname or ""):
            raise QwcError(QwcProblem.IP_ADDRESS, parts.geturl())
    if not url.hostname or url.hostname != support.hostname:
        raise QwcError(QwcProblem.OTHER_DOMAIN, qwc.app_support)
    for guid in (qwc.owner_id, qwc.file_id):
        if not _GUID.fullmatch(guid):
            raise QwcError(QwcProblem.NO_GUID, guid)
    if qwc.run_every_minutes < 1:
        raise QwcError(QwcProblem.INTERVAL, str(qwc.run_every_minutes))


def _is_ip_address(host: str) -> bool:
    """Tell an address, which Web Connector refuses, from a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _templates() -> Path:
    """Find the templates: inside the installed package or beside it in the sources."""
    package = Path(__file__).parents[1]
    installed = package / "_qwc_templates"
    return installed if installed.is_dir() else package.parent / "qwc_templates"
