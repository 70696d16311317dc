"""What goes over the wire is what the real client sends."""

from __future__ import annotations

import re
import select
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.sax.saxutils import unescape

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qbwc_server.sandbox.web_connector.interference import Call
from qbwc_server.sandbox.web_connector.scripted_service import (
    ScriptedService,
    envelope_of,
    serving,
)
from qbwc_server.sandbox.web_connector.soap_call import (
    CallFailed,
    SoapEndpoint,
    envelope,
    integer_result,
    text_result,
)

GOODBYE = Call(1, "closeConnection", (("ticket", "t"),))


def reference_data() -> Path:
    """Find the reference data beside the repository or skip the test."""
    path = Path(__file__).parents[3] / "../shared/data"
    if not path.is_dir():
        pytest.skip("the reference data is not beside the repository")
    return path


class Server(ThreadingHTTPServer):
    """Counts connections and may hang up after an answer without a word."""

    daemon_threads = True
    connections = 0
    expected: str | None = None
    hangs_up = False


class Handler(BaseHTTPRequestHandler):
    """Answers closeConnection over HTTP 1.1."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        """Count the connection."""
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        """Answer."""
        self.server.expected = self.headers.get("Expect")
        self.rfile.read(int(self.headers["Content-Length"]))
        body = envelope_of("closeConnection", "bye")
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.server.hangs_up

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def endpoint(
    server: Server, *, expect_continue: bool = False
) -> Iterator[SoapEndpoint]:
    """Serve and connect."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    client = SoapEndpoint(
        f"http://localhost:{server.server_port}/qbwc?a=1",
        expect_continue=expect_continue,
    )
    try:
        yield client
    finally:
        client.close()
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on a free port."""
    with Server(("127.0.0.1", 0), Handler) as running:
        yield running


def test_calls_share_a_connection_that_is_kept_alive(server: Server) -> None:
    """The client asks for Keep-Alive and uses it."""
    with endpoint(server) as client:
        answers = [text_result(GOODBYE, client.call(GOODBYE)) for _ in range(3)]

    assert answers == ["bye"] * 3
    assert server.connections == 1


def test_a_connection_the_server_closed_is_replaced_before_sending(
    server: Server,
) -> None:
    """An idle connection may end; the call then goes out once, on a new one."""
    server.hangs_up = True
    with endpoint(server) as client:
        client.call(GOODBYE)
        select.select([client._connection.sock], [], [], 10)

        assert text_result(GOODBYE, client.call(GOODBYE)) == "bye"

    assert server.connections == 2


def test_the_body_can_wait_for_a_continue(server: Server) -> None:
    """A server that says 100 Continue first gets the body after it."""
    with endpoint(server, expect_continue=True) as client:
        assert text_result(GOODBYE, client.call(GOODBYE)) == "bye"

    assert server.expected == "100-continue"


def test_headers_are_those_of_the_real_client() -> None:
    """User-Agent, quoted SOAPAction and content type as .NET sends them; no cookies."""
    service = ScriptedService()
    with serving(service) as url:
        client = SoapEndpoint(url)
        client.call(GOODBYE)
        client.close()

    [headers] = service.headers
    assert headers["HTTP_SOAPACTION"] == '"http://developer.intuit.com/closeConnection"'
    assert headers["CONTENT_TYPE"] == "text/xml; charset=utf-8"
    assert "MS Web Services Client Protocol" in headers["HTTP_USER_AGENT"]
    assert headers["HTTP_CONNECTION"] == "Keep-Alive"
    assert "HTTP_COOKIE" not in headers
    assert "HTTP_ACCEPT_ENCODING" not in headers


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost and its key, in one file; nobody signed it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        # Python 3.13 checks strictly and wants the next three.
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "localhost.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_https_wants_a_certificate_it_can_trust(
    server: Server, certificate: Path
) -> None:
    """An unknown certificate ends it; one named as trusted is good."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with endpoint(server):
        url = f"https://localhost:{server.server_port}/"
        stranger = SoapEndpoint(url)
        trusting = SoapEndpoint(url, ca_file=str(certificate))

        with pytest.raises(ssl.SSLError):
            stranger.get()
        answer = text_result(GOODBYE, trusting.call(GOODBYE))

        stranger.close()
        trusting.close()

    assert answer == "bye"


def test_envelopes_are_those_of_the_real_client() -> None:
    """One line, method in Intuit's namespace, empty arguments as empty tags."""
    bare = envelope(Call(1, "serverVersion", ()))
    full = envelope(
        Call(2, "receiveResponseXML", (("response", '<a b="1">&\n'), ("hresult", "")))
    )

    assert b'<soap:Body><serverVersion xmlns="http://developer.intuit.com/" />' in bare
    assert b'<response>&lt;a b="1"&gt;&amp;\n</response><hresult />' in full


def test_a_control_character_travels_as_a_reference() -> None:
    """What .NET writes for a character XML cannot hold; servers must survive it."""
    assert b"a&#x2;b" in envelope(Call(1, "x", (("response", "a\x02b"),)))


def test_a_recorded_call_without_arguments_is_written_alike() -> None:
    """The serverVersion call of a real 2.2.0.71, byte for byte."""
    path = reference_data() / (
        "captures/20170103_qbwc2.2.0.71_soap_serverVersion_clientVersion"
        "__qbws_issue10.txt"
    )
    first = path.read_bytes().decode().splitlines()[0]

    assert envelope(Call(1, "serverVersion", ())).decode() == first[first.index("<") :]


@pytest.mark.parametrize("kind", ["invoice", "receive_payment"])
def test_a_recorded_answer_of_quickbooks_is_written_alike(kind: str) -> None:
    """A receiveResponseXML call of a real client, byte for byte."""
    path = reference_data() / (
        f"captures/201411_soap_receiveResponseXML__flowlink_{kind}_add_rs.xml"
    )
    recorded = path.read_bytes().decode().strip()
    arguments = re.findall(
        r"<(ticket|response|hresult|message)(?: />|>(.*?)</\1>)", recorded, re.DOTALL
    )
    call = Call(
        1,
        "receiveResponseXML",
        tuple((name, unescape(value)) for name, value in arguments),
    )

    assert envelope(call).decode() == recorded


def test_numbers_are_read_as_dotnet_reads_them(server: Server) -> None:
    """A text is no number; a result that is not there is 0."""
    with endpoint(server) as client:
        response = client.call(GOODBYE)

    with pytest.raises(CallFailed):
        integer_result(GOODBYE, response)
    assert integer_result(Call(1, "receiveResponseXML", ()), response) == 0
