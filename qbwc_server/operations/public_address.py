"""Looks at the public address as a customer's Web Connector will.

It speaks TLS 1.2, insists on a certificate whose chain is complete, follows no
redirect, shows an old browser's name that bot filters dislike, and takes nothing but
HTTP 200. Each of these is asked for by itself, so that the answer says what to change.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, urlsplit

from qbwc_server.operations.doctor_result import Finding, fail, ok, warn
from qbwc_server.web_connector.envelope import NAMESPACE

USER_AGENT = (
    "Mozilla/4.0 (compatible; MSIE 6.0; MS Web Services Client Protocol "
    "4.0.30319.42000)"
)
_SECONDS = 10.0
_TIME_TO_RENEW = timedelta(days=14)
_PART_TO_RENEW = 6
"""Renewed by itself, a certificate is so when a third of its time is left: an authority
of the proxy's own gives twelve hours."""
_LARGE = 2 * 1024 * 1024
"""More than nginx takes by itself (1 MB), less than we do of a live session."""
_BODY = (
    '<?xml version="1.0" encoding="utf-8"?><soap:Envelope '
    'xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
    f'<serverVersion xmlns="{NAMESPACE}" /></soap:Body></soap:Envelope>'
).encode()
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_EXPIRED, _SELF_SIGNED = {10}, {18, 19}
"""OpenSSL's numbers of what is wrong with a certificate."""
_WRONG_NAME = 62


def look(
    public_url: str, now: datetime, *, authorities: str | None = None
) -> Iterator[Finding]:
    """Yield what is found; what cannot work without an earlier thing is left out.

    Args:
        public_url: as the setting has it.
        now: for the days a certificate has left.
        authorities: a file of certificate authorities that are believed too.
    """
    url = urlsplit(f"{public_url}/qbwc")
    host = url.hostname or ""
    if url.scheme != "https":
        if host not in _LOCAL:
            yield fail(
                "address",
                f"{public_url} is no https address.",
                "Set QBWC_PUBLIC_URL to https and a public name.",
            )
            return
        yield ok("address", f"{public_url} is of this computer only, without TLS.")
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        yield fail(
            "dns",
            f"The name {host} is not known.",
            "Add an A or AAAA record for it, or correct QBWC_PUBLIC_URL.",
        )
        return
    addresses = sorted({str(one[4][0]) for one in found})
    yield ok("dns", f"{host} is {', '.join(addresses)}.")
    trust = ssl.create_default_context(cafile=None)
    if authorities is not None:
        trust.load_verify_locations(authorities)
    if url.scheme == "https":
        good = True
        for finding in (*_certificate(host, port, trust, now), _tls_1_2(host, port)):
            good = good and finding.state != "fail"
            yield finding
        if not good:
            return
    yield _get(url, port, trust)
    yield _post(url, port, trust)
    yield _large(url, port, trust)


def _certificate(
    host: str, port: int, trust: ssl.SSLContext, now: datetime
) -> Iterator[Finding]:
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as raw,
            trust.wrap_socket(raw, server_hostname=host) as secure,
        ):
            shown = secure.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        yield _not_believed(host, error)
        return
    except (OSError, ssl.SSLError) as error:
        yield fail(
            "connection",
            f"No TLS connection to {host} port {port}: {_short(error)}.",
            "See that the proxy runs and that the firewall lets this port through.",
        )
        return
    begins, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown[name])), UTC)
        for name in ("notBefore", "notAfter")
    )
    days, hours = (ends - now).days, (ends - now) // timedelta(hours=1)
    left = f"{days} days" if days > 1 else f"{hours} hours"
    said = f"The certificate's chain is complete; {left} left ({ends:%Y-%m-%d})."
    if ends_soon(begins, ends, now):
        yield warn("certificate", said, "Renew it now; see why that is not automatic.")
    else:
        yield ok("certificate", said)


def ends_soon(begins: datetime, ends: datetime, now: datetime) -> bool:
    """Tell whether a certificate should have been renewed by now.

    That is two weeks before its end, and later for one that was never meant to live as
    long as that.
    """
    return ends - now < min(_TIME_TO_RENEW, (ends - begins) / _PART_TO_RENEW)


def _not_believed(host: str, error: ssl.SSLCertVerificationError) -> Finding:
    code = error.verify_code
    if code in _EXPIRED:
        said, do = "has expired", "Renew it."
    elif code in _SELF_SIGNED:
        said = "is signed by itself, or by an authority nobody knows"
        do = "Use one of a public authority: customers' Windows believes no other."
    elif code == _WRONG_NAME:
        said, do = f"is not for {host}", "Get one for the name in QBWC_PUBLIC_URL."
    else:
        said = f"is not believed: {error.verify_message}"
        do = "Have the proxy send the whole chain (fullchain.pem), not the last alone."
    return fail("certificate", f"The certificate {said}.", do)


def _tls_1_2(host: str, port: int) -> Finding:
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE  # looked at above
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        with (
            socket.create_connection((host, port), _SECONDS) as raw,
            old.wrap_socket(raw, server_hostname=host),
        ):
            return ok("tls 1.2", "TLS 1.2 is accepted.")
    except (OSError, ssl.SSLError) as error:
        return fail(
            "tls 1.2",
            f"TLS 1.2 is refused: {_short(error)}.",
            "Let the proxy accept TLS 1.2 beside 1.3: Web Connector speaks no newer.",
        )


def _ask(
    url: SplitResult,
    port: int,
    trust: ssl.SSLContext,
    body: bytes | None = None,
) -> tuple[int, str, bytes]:
    """Return status, where to a redirect goes, and the beginning of the answer."""
    host = url.hostname or ""
    connection = (
        http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=trust)
        if url.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=_SECONDS)
    )
    headers = {"User-Agent": USER_AGENT, "Connection": "close"}
    if body is not None:
        headers |= {
            "Content-Type": "text/xml; charset=utf-8",
            "SOAPAction": f'"{NAMESPACE}serverVersion"',
        }
    try:
        method = "GET" if body is None else "POST"
        connection.request(method, url.path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Location", ""), answer.read(65536)
    finally:
        connection.close()


def _get(url: SplitResult, port: int, trust: ssl.SSLContext) -> Finding:
    try:
        status, location, _ = _ask(url, port, trust)
    except (OSError, http.client.HTTPException) as error:
        return fail("get", f"GET {url.path} has no answer: {_short(error)}.", _START_IT)
    if 300 <= status < 400:
        return fail(
            "get",
            f"GET {url.path} is redirected to {location[:80]}.",
            "Web Connector follows no redirect: set QBWC_PUBLIC_URL to where it leads, "
            "or take the redirect away.",
        )
    if status != 200:
        return fail("get", f"GET {url.path} answers {status}, not 200.", _START_IT)
    return ok("get", f"GET {url.path} answers 200.")


def _post(url: SplitResult, port: int, trust: ssl.SSLContext) -> Finding:
    try:
        status, _, body = _ask(url, port, trust, _BODY)
    except (OSError, http.client.HTTPException) as error:
        return fail("post", f"A call has no answer: {_short(error)}.", _NO_FILTER)
    if status != 200:
        return fail(
            "post", f"A call as Web Connector makes it gets {status}.", _NO_FILTER
        )
    if b"serverVersionResult" not in body:
        return fail(
            "post",
            "A call as Web Connector makes it is answered by something else.",
            _NO_FILTER,
        )
    return ok("post", "A call as Web Connector makes it is answered.")


def _large(url: SplitResult, port: int, trust: ssl.SSLContext) -> Finding:
    """Send as much as an answer of QuickBooks; ours may hang up on it unread."""
    try:
        status, _, _ = _ask(url, port, trust, _BODY + b" " * _LARGE)
    except (OSError, http.client.HTTPException):
        status = 200
    if status == 413:
        return fail(
            "large post",
            "The proxy refuses answers of QuickBooks of 2 MB.",
            "Let it take 10 MB (nginx: client_max_body_size 10m).",
        )
    return ok("large post", "No proxy refuses answers of QuickBooks of 2 MB.")


_START_IT = "See that the server runs and that the proxy sends /qbwc to it."
_NO_FILTER = (
    "Let POST /qbwc through whatever browser it names (MSIE 6.0): except it from bot "
    "filters, challenges and the web application firewall."
)


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:120]
