"""An office with a company file, for the tests of the company file."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from lxml import etree

from qbwc_server.sandbox.quickbooks.company_file import CompanyFile

START = 1_783_000_000  # 2026-07-02, 09:46:40 in New York: summer, where offsets lie


class Office:
    """A company file, a clock to move by hand, and an application with a session.

    Every answer is checked against Intuit's schema where that is at hand.
    """

    def __init__(self, path: Path | str = ":memory:") -> None:
        self.now = float(START)
        self.file = CompanyFile(path, clock=lambda: self.now)
        self.hands = self.file.hands
        self.session = self.file.begin_session(app_name="tests")
        self.schema = _schema()

    def ask(self, inside: str, attributes: str = "") -> etree._Element:
        """Send requests as one message set and return the QBXMLMsgsRs."""
        answer = self.session.process(document(inside, attributes))
        assert answer.isascii()
        root = etree.fromstring(answer.encode())
        if self.schema is not None:
            self.schema.assertValid(root)
        message_set = root.find("QBXMLMsgsRs")
        assert message_set is not None
        return message_set

    def one(self, request: str, attributes: str = "") -> etree._Element:
        """Send one request and return its answer."""
        return self.ask(request, attributes)[0]

    def status(self, request: str) -> str:
        """Send one request and return its statusCode."""
        return str(self.one(request).get("statusCode"))


def document(inside: str, attributes: str = "") -> str:
    """Wrap requests into a request document."""
    attributes = attributes or 'onError="continueOnError"'
    return (
        '<?xml version="1.0"?><?qbxml version="13.0"?>'
        f"<QBXML><QBXMLMsgsRq {attributes}>{inside}</QBXMLMsgsRq></QBXML>"
    )


def texts(answer: etree._Element, path: str) -> list[str]:
    """Return the texts of the elements at a path."""
    return [node.text or "" for node in answer.findall(path)]


def reference_data() -> Path | None:
    """Return the folder of reference data, None where there is none."""
    told = os.environ.get("QBWC_REFERENCE_DATA")
    folder = Path(told) if told else Path(__file__).parents[3] / "../shared/data"
    return folder if folder.is_dir() else None


@functools.cache
def _schema() -> etree.XMLSchema | None:
    data = reference_data()
    if data is None:
        return None
    path = data / "qbxml/xsd/130-intuit-original/qbxmlops130.xsd"
    return etree.XMLSchema(etree.parse(path))
