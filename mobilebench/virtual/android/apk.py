"""What a phone reads of an APK before it installs it: manifest, ABIs of its libraries, and the signer's certificate.

Nothing is verified by cryptography: a certificate only has to be there, and be the same when an app is replaced. Only
the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mobilebench.virtual.android import binary_xml
from mobilebench.virtual.android.binary_xml import BadXml, Element

MANIFEST = "AndroidManifest.xml"
MOST_BYTES = 1 << 30
"""Bytes of an APK."""
_MOST_MANIFEST = 1 << 20
_MOST_BLOCK = 16 << 20
_MOST_NAMES = 1_000
_LONGEST_NAME = 223
_PACKAGE = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)+", re.ASCII)
_LIBRARY = re.compile(r"lib/([\w.-]{1,40})/[^/]+\.so", re.ASCII)
_SIGNED_BY_JAR = re.compile(r"META-INF/[^/]+\.(?:RSA|DSA|EC)", re.ASCII | re.IGNORECASE)
_MAGIC = b"APK Sig Block 42"
_V2, _V3, _V31 = 0x7109871A, 0xF05368C0, 0x1B93AD61


class BadApk(Exception):
    """Why an APK cannot be read: `code` is one of Android's, the message says what is wrong with the file."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True)
class Instrumentation:
    """An `instrumentation` of a manifest."""

    name: str
    """Full name of its class."""
    target: str
    """Package in whose process it runs."""


@dataclass(frozen=True)
class Apk:
    """The facts of an APK that decide whether and how it is installed."""

    package: str
    version_code: int
    version_name: str
    min_sdk: int
    target_sdk: int
    debuggable: bool
    test_only: bool
    permissions: tuple[str, ...]
    instrumentations: tuple[Instrumentation, ...]
    activities: tuple[str, ...]
    services: tuple[str, ...]
    abis: tuple[str, ...]
    """ABIs of its libraries; none if it has no libraries."""
    signer: str | None
    """SHA-256 of the first signer's certificate, in hexadecimal; None if it is not signed by scheme 2 or 3."""
    signed_by_jar: bool
    """Whether it has a signature of the oldest scheme, of which nothing is read."""


def read(file: Path) -> Apk:
    """Read an APK. Raises `BadApk` for every file that is not one, and `OSError` if it cannot be opened."""
    with file.open("rb") as stream:
        if stream.seek(0, 2) > MOST_BYTES:
            raise BadApk("INSTALL_FAILED_INVALID_APK", f"it has more than {MOST_BYTES} bytes")
        try:
            with zipfile.ZipFile(stream) as archive:
                return _read(stream, archive)
        except _OF_BROKEN_ARCHIVES as error:
            raise BadApk("INSTALL_PARSE_FAILED_NOT_APK", f"it is not a whole zip archive: {error}") from None


_OF_BROKEN_ARCHIVES = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
)
"""What `zipfile` raises for archives that are broken, encrypted, or compressed in another way."""


def _read(stream: BinaryIO, archive: zipfile.ZipFile) -> Apk:
    names = [name for name in archive.namelist() if len(name) <= _LONGEST_NAME]
    if MANIFEST not in names:
        raise BadApk("INSTALL_PARSE_FAILED_NOT_APK", f"it has no {MANIFEST}")
    facts = archive.getinfo(MANIFEST)
    if facts.file_size > _MOST_MANIFEST or facts.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadApk("INSTALL_PARSE_FAILED_BAD_MANIFEST", f"{MANIFEST} is too long, or compressed in another way")
    with archive.open(MANIFEST) as member:
        content = member.read(_MOST_MANIFEST)
    try:
        manifest = _Manifest(list(binary_xml.elements(content)))
    except BadXml as error:
        raise BadApk("INSTALL_PARSE_FAILED_NOT_APK", f"{MANIFEST} cannot be read: {error}") from None
    abis = sorted({found[1] for name in names if (found := _LIBRARY.fullmatch(name))})
    return manifest.apk(
        tuple(abis[:_MOST_NAMES]),
        _signer(stream, archive.start_dir),
        any(_SIGNED_BY_JAR.fullmatch(name) for name in names),
    )


class _Manifest:
    """The elements of a manifest, by place."""

    def __init__(self, elements: list[Element]) -> None:
        self._elements = elements

    def _all(self, *path: str) -> Iterator[Element]:
        return (element for element in self._elements if element.path == path)

    def _first(self, *path: str) -> Element:
        return next(self._all(*path), Element(path, {}))

    def apk(self, abis: tuple[str, ...], signer: str | None, signed_by_jar: bool) -> Apk:
        """Raises `BadApk` if a fact is missing without which nothing can be installed."""
        root, sdk, application = (
            self._first("manifest"),
            self._first("manifest", "uses-sdk"),
            ("manifest", "application"),
        )
        package = root.text("package") or ""
        if not _PACKAGE.fullmatch(package) or len(package) > _LONGEST_NAME:
            raise BadApk("INSTALL_PARSE_FAILED_BAD_PACKAGE_NAME", "the manifest has no package that Android accepts")
        if not any(self._all(*application)) and not any(self._all("manifest", "instrumentation")):
            raise BadApk(
                "INSTALL_PARSE_FAILED_MANIFEST_EMPTY", "the manifest has neither application nor instrumentation"
            )
        whole = self._first(*application)
        major = root.number("android:versionCodeMajor") or 0
        oldest = sdk.number("android:minSdkVersion") or 1

        def names(*path: str) -> tuple[str, ...]:
            found = [name for one in self._all(*path) if (name := one.text("android:name"))]
            return tuple(dict.fromkeys(_full(package, name) for name in found[:_MOST_NAMES]))

        return Apk(
            package=package,
            version_code=(major << 32) | (root.number("android:versionCode") or 0),
            version_name=(root.text("android:versionName") or "")[:_LONGEST_NAME],
            min_sdk=oldest,
            target_sdk=sdk.number("android:targetSdkVersion") or oldest,
            debuggable=whole.flag("android:debuggable"),
            test_only=whole.flag("android:testOnly"),
            permissions=names("manifest", "uses-permission"),
            instrumentations=tuple(
                Instrumentation(_full(package, name), one.text("android:targetPackage") or package)
                for one in list(self._all("manifest", "instrumentation"))[:_MOST_NAMES]
                if (name := one.text("android:name"))
            ),
            activities=names(*application, "activity"),
            services=names(*application, "service"),
            abis=abis,
            signer=signer,
            signed_by_jar=signed_by_jar,
        )


def _full(package: str, name: str) -> str:
    """The full name of a class, which may begin with a dot, or be a single word."""
    name = name[:_LONGEST_NAME]
    return f"{package}{name}" if name.startswith(".") else name if "." in name else f"{package}.{name}"


# The signing block, between the contents of the archive and its directory


def _signer(stream: BinaryIO, directory: int) -> str | None:
    """Digest of the certificate of the first signer, by the newest scheme; None without a signing block."""
    if directory < 32:
        return None
    stream.seek(directory - 24)
    size, magic = struct.unpack("<Q16s", stream.read(24))
    if magic != _MAGIC or not 24 <= size <= min(_MOST_BLOCK, directory - 8):
        return None
    stream.seek(directory - size)
    schemes = dict(_pairs(stream.read(size - 24)))
    for scheme in (_V31, _V3, _V2):
        if scheme in schemes and (certificate := _first_certificate(schemes[scheme])):
            return hashlib.sha256(certificate).hexdigest()
    return None


def _pairs(block: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 12 <= len(block):
        length, name = struct.unpack_from("<QI", block, at)
        if not 4 <= length <= len(block) - at - 8:
            return
        yield name, block[at + 12 : at + 8 + length]
        at += 8 + length


def _first_certificate(scheme: bytes) -> bytes | None:
    """In `signers → signer → signed data → certificates`, each with its length before it."""
    signed = _prefixed(_prefixed(_prefixed(scheme)))
    digests = _prefixed(signed)
    return _prefixed(_prefixed(signed[4 + len(digests) :])) or None


def _prefixed(data: bytes) -> bytes:
    """The bytes after a length of four bytes; none if the length is wrong."""
    if len(data) < 4:
        return b""
    (length,) = struct.unpack_from("<I", data)
    return data[4 : 4 + length] if length <= len(data) - 4 else b""
