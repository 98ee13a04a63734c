"""A self-signed certificate, so that a page loaded over a network is a secure context and can use threads."""

from __future__ import annotations

import ipaddress
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mobilebench.core.errors import BadInput

DAYS = 30


def self_signed(hosts: Sequence[str]) -> ssl.SSLContext:
    """Create a TLS context for a server with these names and addresses; neither key nor certificate is kept.

    Raises:
        BadInput: the program `openssl`, which makes it, is missing or fails.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BadInput(
            "There is no program openssl, which makes the certificate.",
            hint="Install it, or serve without TLS (--no-tls): threads are then missing, and results say so.",
        )
    names = ",".join(f"{'IP' if _is_address(host) else 'DNS'}:{host}" for host in hosts)
    with tempfile.TemporaryDirectory(prefix="mobilebench-tls-") as name:
        key, certificate = Path(name) / "key.pem", Path(name) / "certificate.pem"
        argv = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        argv += ["-days", str(DAYS), "-subj", "/CN=mobilebench", "-addext", f"subjectAltName={names}"]
        argv += ["-keyout", str(key), "-out", str(certificate)]
        made = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        if made.returncode != 0:
            last = (made.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise BadInput(f"openssl could not make a certificate: {last}.", hint="Serve without TLS (--no-tls).")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    return context


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
