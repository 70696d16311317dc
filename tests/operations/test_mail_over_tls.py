"""E-mail over TLS, to a real mail server on this machine: at once, and by STARTTLS."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import SocketIO

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qbwc_server.operations import notify
from qbwc_server.operations.notify import NotSent

PASSWORD = "hunter2 & co"


@dataclass
class MailServer:
    """A mail server for one message; `encrypted` and `open` are the lines it was told.

    It speaks TLS `at_once`, or when it is asked to.
    """

    certificate: Path
    at_once: bool
    encrypted: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._listening.close()
        self._thread.join(5)

    def _serve(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        try:
            connection, _ = self._listening.accept()
        except OSError:
            return  # nobody came
        lines = self.open
        try:
            connection.settimeout(10)
            if self.at_once:
                connection = context.wrap_socket(connection, server_side=True)
                lines = self.encrypted
            connection.sendall(b"220 mail\r\n")
            while self._talk(connection, lines):
                connection = context.wrap_socket(connection, server_side=True)
                lines = self.encrypted
        except OSError:
            return  # who does not trust us hangs up
        finally:
            connection.close()

    def _talk(self, connection: socket.socket, lines: list[str]) -> bool:
        """Talk until the end, or until TLS is asked for: then return true."""
        with connection.makefile("rb", buffering=0) as stream:
            return self._answer(connection, stream, lines)

    def _answer(
        self, connection: socket.socket, stream: SocketIO, lines: list[str]
    ) -> bool:
        while line := stream.readline().decode().rstrip("\r\n"):
            lines.append(line)
            word = line.split()[0].upper()
            if word == "STARTTLS":
                connection.sendall(b"220 go on\r\n")
                return True
            if word == "EHLO":
                more = b"AUTH PLAIN" if lines is self.encrypted else b"STARTTLS"
                connection.sendall(b"250-mail\r\n250 " + more + b"\r\n")
            elif word == "AUTH":
                connection.sendall(b"235 welcome\r\n")
            elif word == "DATA":
                connection.sendall(b"354 go on\r\n")
                while (line := stream.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(line)
                connection.sendall(b"250 ok\r\n")
            elif word == "QUIT":
                connection.sendall(b"221 bye\r\n")
                return False
            else:
                connection.sendall(b"250 ok\r\n")
        return False


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of localhost with its key, which nobody trusts yet."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
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
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def mail_server(certificate: Path) -> Iterator[Callable[[bool], MailServer]]:
    """A function that starts a mail server which speaks TLS at once, or when asked."""
    started: list[MailServer] = []

    def start(at_once: bool) -> MailServer:
        started.append(MailServer(certificate, at_once))
        return started[-1]

    yield start
    for one in started:
        one.close()


def _send(scheme: str, port: int) -> None:
    notify.email(
        f"{scheme}://me:hunter2%20%26%20co@localhost:{port}?from=server@example.com",
        "a@example.com",
        subject="Alice is late",
        text="Please look.",
        message_id="1-late",
    )


@pytest.mark.parametrize(("scheme", "at_once"), [("smtps", True), ("smtp", False)])
def test_name_password_and_message_go_over_tls_alone(
    mail_server: Callable[[bool], MailServer],
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    at_once: bool,
) -> None:
    """Before it only that TLS is wanted; the password is as it was before the URL."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = mail_server(at_once)
    _send(scheme, server.port)
    said = "\n".join(server.encrypted)
    assert base64.b64encode(f"\0me\0{PASSWORD}".encode()).decode() in said
    assert "Message-ID: <1-late@localhost>" in said
    assert "Please look." in said
    assert {line.split()[0].upper() for line in server.open} <= {"EHLO", "STARTTLS"}


@pytest.mark.parametrize(("scheme", "at_once"), [("smtps", True), ("smtp", False)])
def test_a_mail_server_that_nobody_vouches_for_is_told_nothing(
    mail_server: Callable[[bool], MailServer], scheme: str, at_once: bool
) -> None:
    """Whoever sits between may say that it is the mail server."""
    server = mail_server(at_once)
    with pytest.raises(NotSent, match="SSLCertVerificationError") as error:
        _send(scheme, server.port)
    assert "hunter2" not in str(error.value)
    assert server.encrypted == []
    assert {line.split()[0].upper() for line in server.open} <= {"EHLO", "STARTTLS"}
