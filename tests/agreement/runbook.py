"""A runbook of docs/runbooks.md, whose commands are run one after the other."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from click.testing import CliRunner

from qbwc_server.cli import main
from tests.agreement.house import House
from tests.agreement.test_findings import day

DOCUMENT = Path(__file__).parents[2] / "docs/runbooks.md"
_TITLE = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```sh\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_FILLED = re.compile(
    r"\b(?:NAME|OLD|RECORD|DAY|FOLDER|NEW|URL|TEAM|KEY|PERSON|PROJECT)\b(?:\.qwc)?"
)


def titles() -> list[str]:
    """Return what there are runbooks for."""
    return _TITLE.findall(DOCUMENT.read_text("utf-8"))


class Runbook:
    """The commands of one runbook, as they stand there."""

    def __init__(self, title: str, house: House) -> None:
        text = DOCUMENT.read_text("utf-8").split(f"\n## {title}\n", 1)[1]
        text = text.split("\n## ", 1)[0]
        self._house = self._old = house
        self._left = [
            line for block in _BLOCK.findall(text) for line in block.splitlines()
        ]

    def about(self, house: House) -> None:
        """Have NAME be another company from here on; OLD is the one before."""
        self._old, self._house = self._house, house

    def next(self, *records: object, **values: object) -> str:
        """Run the next command with names filled in; return what it printed.

        Days are the last week; RECORD is one of `records` after the other.
        """
        days = [self._day(7), self._day(0)]
        told = [f"{self._house.company.id}-{one}" for one in records]

        def fill(found: re.Match[str]) -> str:
            word = found[0]
            if word == "RECORD":
                return told.pop(0)
            if word == "DAY":
                return days.pop(0)
            if word in {"NAME", "OLD"}:
                named = self._house if word == "NAME" else self._old
                return str(named.company.id)
            return shlex.quote(str(values[word.partition(".")[0].lower()]))

        words = shlex.split(_FILLED.sub(fill, self._left.pop(0)))
        assert words[0] == "qbwc-server"
        result = CliRunner().invoke(main, words[1:], catch_exceptions=False)
        assert result.exit_code == 0, f"{words}\n{result.output}"
        return " ".join(result.output.split())

    def over(self) -> None:
        """See that every command was run."""
        assert self._left == []

    def _day(self, ago: int) -> str:
        return day(self._house, ago)


def environment(house: House) -> Mapping[str, str]:
    """Return what commands on the house's database are run with."""
    url = house.engine.url.render_as_string(hide_password=False)
    return {
        "QBWC_DATABASE_URL": url.replace("+psycopg", ""),
        "QBWC_SECRET_KEY": house.settings.secret_key.get_secret_value(),
        "QBWC_DATA_DIR": str(house.folder),
        "QBWC_LOG_LEVEL": "ERROR",
        "SUDO_USER": "eve",
    }
