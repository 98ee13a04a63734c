"""A small certificate authority (CA) for one rack, and the certificates that it makes.

Every scheduler, worker and client has a certificate of the rack's CA, whose subject says its role (OU) and its name
(CN). A client's certificate cannot serve, so it cannot pose as a scheduler or worker. Layout of the CA's folder:

    ca.pem, ca.key              the CA; its key stays here
    scheduler-NAME/             what the scheduler's host gets: ca.pem, scheduler.pem, scheduler.key
    worker-NAME/, client-NAME/  the same for a host with phones, and for a person
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from mobilebench.core import paths
from mobilebench.core.errors import BadInput

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

Role = Literal["scheduler", "worker", "client"]
ROLES: tuple[Role, ...] = get_args(Role)

VARIABLE = "MOBILEBENCH_RACK_CERTIFICATES"
"""Variable with the folder of this computer's certificate."""
CA_DAYS = 3650
USUAL_DAYS = 730

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_ORGANISATION = "mobilebench rack"
_SLACK = timedelta(minutes=10)
"""Certificates are valid from this long ago, because clocks of hosts differ."""


@dataclass(frozen=True)
class Credentials:
    """The files with which a process proves its role."""

    role: Role
    ca: Path
    certificate: Path
    key: Path
    name: str
    """The name in the certificate: of the host, or of the person."""


@dataclass(frozen=True)
class Wanted:
    """A certificate to make."""

    role: Role
    name: str
    """Name of a host or person; with `addresses` empty, a host is reached by this name."""
    addresses: tuple[str, ...] = ()
    """Host names and IP addresses by which a scheduler is reached."""

    @property
    def folder(self) -> str:
        return f"{self.role}-{self.name.replace(':', '_')}"


def usual_folder() -> Path:
    """Where commands look for this computer's certificate: `MOBILEBENCH_RACK_CERTIFICATES`, else in the home folder."""
    named = os.environ.get(VARIABLE, "")
    return paths.expanded(named) if named else paths.home() / "rack" / "certificates"


def find(role: Role, folder: Path | None = None) -> Credentials:
    """The files of a role in this folder.

    Raises:
        BadInput: one is missing or cannot be used, others may read the key, or the certificate is not valid now.
    """
    folder = folder or usual_folder()
    ca, file, key = (folder / name for name in ("ca.pem", f"{role}.pem", f"{role}.key"))
    hint = (
        "`mobilebench rack certificates DIR` makes certificates; copy the folder for this computer here and name it "
        f"with --certificates or {VARIABLE}."
    )
    for needed in (ca, file, key):
        if not needed.is_file():
            raise BadInput(f"There is no {needed.name} of a {role} in {folder}.", hint=hint)
    if key.stat().st_mode & 0o077:
        raise BadInput(f"Others can read the key {key}.", hint=f"Run `chmod 600 {key}`.")
    certificate = _read(file)
    if role_in(certificate) != role:
        raise BadInput(f"{file} is no certificate of a {role}.", hint=hint)
    for one, of in ((certificate, file), (_read(ca), ca)):
        if one.not_valid_after_utc <= datetime.now(UTC):
            raise BadInput(
                f"The certificate {of} expired on {one.not_valid_after_utc:%Y-%m-%d}.",
                hint="Make a new one with `mobilebench rack certificates DIR`, or set this computer's clock.",
            )
        if one.not_valid_before_utc > datetime.now(UTC):
            raise BadInput(
                f"The certificate {of} is not valid before {one.not_valid_before_utc:%Y-%m-%d %H:%M} UTC.",
                hint=clock_hint("not yet valid"),
            )
    return Credentials(role, ca, file, key, _common_name(certificate))


def make(folder: Path, wanted: Sequence[Wanted], *, days: int = USUAL_DAYS) -> list[Path]:
    """Make certificates, and the CA if it does not exist yet. Nothing that exists is overwritten.

    Returns:
        The new folders, one for each certificate.

    Raises:
        BadInput: a name cannot be used, a folder exists already, or the CA cannot be read.
    """
    for one in wanted:
        _check(one)
    twice = {one.folder for one in wanted if sum(other.folder == one.folder for other in wanted) > 1}
    if twice:
        raise BadInput(f"Two certificates would be named {min(twice)}.", hint="Give each another name.")
    for one in wanted:
        if (folder / one.folder).exists():
            raise BadInput(
                f"{folder / one.folder} exists already.",
                hint="Remove it first if its certificate is to be made again, or give another name.",
            )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca, ca_key = _authority(folder)
    return [_make_one(folder, one, ca, ca_key, days) for one in wanted]


def role_of(peer: Mapping[str, Any] | None) -> Role | None:
    """The role in a peer's verified certificate, as `ssl` returns it; None if it names no single one."""
    return _single_role(_values(peer, "organizationalUnitName"))


def name_of(peer: Mapping[str, Any] | None) -> str:
    """The name in a peer's certificate; empty if it has none."""
    return next(iter(_values(peer, "commonName")), "")


def clock_hint(why: str) -> str | None:
    """What to see to when a certificate was refused for its time; None if this is another reason."""
    if "not yet valid" not in why and "expired" not in why:
        return None
    return (
        f"This computer's clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: set it if that is wrong; else compare the "
        "clock of the computer that made the certificate."
    )


def role_in(certificate: x509.Certificate) -> Role | None:
    """The role in a certificate's subject; None if it names no single one."""
    from cryptography.x509.oid import NameOID

    return _single_role(
        str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
    )


def _common_name(certificate: x509.Certificate) -> str:
    from cryptography.x509.oid import NameOID

    return next((str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)), "")


def _values(peer: Mapping[str, Any] | None, wanted: str) -> list[str]:
    return [value for part in (peer or {}).get("subject", ()) for key, value in part if key == wanted]


def _single_role(values: Iterable[str]) -> Role | None:
    found = list(values)
    return next((role for role in ROLES if found == [role]), None)


def _check(wanted: Wanted) -> None:
    for name in (wanted.name, *wanted.addresses):
        if not _NAME.fullmatch(name) and (wanted.role != "scheduler" or not _is_address(name)):
            raise BadInput(
                f"“{name[:80]}” cannot be the name of a {wanted.role}.",
                hint="Use letters, digits, dots and dashes, at most 63 of them; a scheduler may be an IP address.",
            )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _authority(folder: Path) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """The CA in this folder, which is made if there is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    file, key_file = folder / "ca.pem", folder / "ca.key"
    if file.exists() != key_file.exists():
        missing = key_file if file.exists() else file
        raise BadInput(f"{missing} is missing, so this CA cannot make certificates.", hint="Name another folder.")
    if file.exists():
        ca = _read(file)
        try:
            key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        except (ValueError, TypeError) as error:
            raise BadInput(f"The CA's key {key_file} cannot be read.", hint="Name another folder.") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != ca.public_key():
            raise BadInput(f"{key_file} is not the key of {file}.", hint="Name another folder.")
        return ca, key
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject("certificate authority", None)
    now = datetime.now(UTC)
    ca = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write_new(key_file, _key_text(key), 0o600)
    _write_new(file, ca.public_bytes(serialization.Encoding.PEM), 0o644)
    return ca, key


def _make_one(folder: Path, wanted: Wanted, ca: x509.Certificate, ca_key: EllipticCurvePrivateKey, days: int) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if wanted.role != "client":
        uses.append(ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_subject(wanted.name, wanted.role))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(min(now + timedelta(days=days), ca.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
    )
    if wanted.role != "client":
        names: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address(one)) if _is_address(one) else x509.DNSName(one)
            for one in wanted.addresses or (wanted.name,)
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(ca_key, hashes.SHA256())
    made = folder / wanted.folder
    made.mkdir(mode=0o700)
    _write_new(made / f"{wanted.role}.key", _key_text(key), 0o600)
    _write_new(made / f"{wanted.role}.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    _write_new(made / "ca.pem", ca.public_bytes(serialization.Encoding.PEM), 0o644)
    return made


def _subject(name: str, role: Role | None) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION)]
    if role:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role))
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key_text(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(file: Path) -> x509.Certificate:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError as error:
        raise BadInput(f"{file} is no certificate.", hint="It has to be a file in PEM format.") from error


def _write_new(file: Path, content: bytes, mode: int) -> None:
    """Write a file that does not exist; nobody else can read it before it has its permissions."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, mode)
        stream.write(content)
