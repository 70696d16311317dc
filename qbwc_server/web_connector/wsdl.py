"""The contract of the SOAP service, as a file written to Intuit's.

Web Connector never reads it: it was built from Intuit's own. People and tools do, so
it is served as written here; a generated one has other names than Intuit's.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from xml.sax.saxutils import escape


def wsdl(address: str) -> bytes:
    """Return the WSDL 1.1 document of the service.

    Args:
        address: the URL of the SOAP endpoint as a client reaches it.

    Returns:
        The document in UTF-8, with the address filled in and escaped.
    """
    return _template().replace("{address}", escape(address, {'"': "&quot;"})).encode()


@cache
def _template() -> str:
    """Read the document, its address still open."""
    return (files("qbwc_server.web_connector") / "qbwebconnector.wsdl").read_text(
        encoding="utf-8"
    )
