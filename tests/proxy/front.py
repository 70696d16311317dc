"""A real nginx with deploy/nginx.conf, before a real `qbwc-server serve`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qbwc_server.cli.demo_processes import free_port
from tests.waiting import until_somebody_listens

TREE = Path(__file__).parents[2]
CONF = TREE / "deploy/nginx.conf"
_MOST_SECONDS = 60
_MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    log_format seen "$connection $request_method $http_user_agent";
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def program() -> str:
    """Return where nginx is, or skip the test loudly."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip("NOT RUN BEHIND NGINX: it is not on this machine (nginx-light)")
    return found


def certify(folder: Path) -> None:
    """Write a certificate for localhost that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(IPv4Address("127.0.0.1")),
    ]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def serve(
    folder: Path, port: int, environment: dict[str, str], switched_off: str = ""
) -> subprocess.Popen[bytes]:
    """Return a server that listens."""
    program = f"{switched_off}\nfrom qbwc_server.cli import main; main()"
    with (folder / "serve.log").open("ab") as log:
        running = subprocess.Popen(
            [sys.executable, "-c", program, "serve", "--port", str(port)],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    until_somebody_listens(port)
    return running


@dataclass
class Ports:
    """Where nginx listens for https and http, and where the server does."""

    https: int
    http: int
    server: int


class Front:
    """nginx in front of a server; both end with `close`.

    `without` of `begin` is a line of deploy/nginx.conf that is left out; `settings` are
    the server's, beside those that every test has.
    """

    def __init__(
        self, folder: Path, database_url: str, secret: str, **settings: str
    ) -> None:
        self.folder = folder
        self.ports = Ports(free_port(), free_port(), free_port())
        self.url = f"https://localhost:{self.ports.https}"
        self.authority = folder / "fullchain.pem"
        self._environment = dict(os.environ) | {
            "PYTHONPATH": str(TREE),
            "QBWC_DATA_DIR": str(folder),
            "QBWC_DATABASE_URL": database_url,
            "QBWC_SECRET_KEY": secret,
            "QBWC_PUBLIC_URL": self.url,
            "QBWC_PROXIES": "127.0.0.1",
            "QBWC_PAGE_SIZE": "5",
            **settings,
        }
        self._nginx: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        certify(folder)

    def begin(
        self,
        *,
        without: str = "",
        changed: tuple[str, str] = ("", ""),
        server: bool = True,
        switched_off: str = "",
    ) -> None:
        """Start both and wait until they listen.

        `changed` is another such line, and what stands there instead; `switched_off` is
        Python that switches a rule of the server off.
        """
        text = CONF.read_text()
        for line, instead in ((without, ""), changed):
            assert line in text
            text = text.replace(line, instead) if line else text
        for pattern, value in (
            (r"listen 443 ssl", f"listen 127.0.0.1:{self.ports.https} ssl"),
            (r"listen 80", f"listen 127.0.0.1:{self.ports.http}"),
            (r"server 127\.0\.0\.1:8000", f"server 127.0.0.1:{self.ports.server}"),
            (r"qb\.example\.com", "localhost"),
            (r"/etc/nginx/qbwc", str(self.folder)),
            (r"access_log off", f"access_log {self.folder}/access.log seen"),
        ):
            text, many = re.subn(pattern, value, text)
            assert many, pattern
        (self.folder / "site.conf").write_text(text)
        main = self.folder / "nginx.conf"
        main.write_text(_MAIN.format(folder=self.folder))
        self._nginx = subprocess.Popen(
            [program(), "-e", f"{self.folder}/error.log", "-c", str(main)]
        )
        until_somebody_listens(self.ports.https)
        if server:
            self._server = serve(
                self.folder, self.ports.server, self._environment, switched_off
            )

    def most_mb(self) -> float:
        """Return what the process of nginx that serves has held at most, so far."""
        assert self._nginx is not None
        started = f"/proc/{self._nginx.pid}/task/{self._nginx.pid}/children"
        (serving,) = Path(started).read_text().split()
        found = re.search(
            r"VmHWM:\s+(\d+)", Path(f"/proc/{serving}/status").read_text()
        )
        assert found is not None
        return int(found[1]) / 1024

    def connections(self, method: str) -> list[str]:
        """Return on which of its connections nginx saw requests of Web Connector."""
        lines = (self.folder / "access.log").read_text().splitlines()
        return [
            line.split()[0]
            for line in lines
            if line.split()[1] == method and "Web Services Client" in line
        ]

    def close(self) -> None:
        """End both."""
        for process in (self._server, self._nginx):
            if process is not None:
                process.terminate()
                process.wait(30)
