"""Small APKs for tests, made here: binary XML by Android's format, a zip archive, and a signing block."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mobilebench.virtual.android.binary_xml import ANDROID, NUMBERS

Value = str | int | bool
Element = tuple[str, Mapping[str, Value], Sequence["Element"]]
"""Name, attributes (those of Android's namespace begin with `android:`), and the elements inside."""
_NONE = 0xFFFFFFFF
V2, V3 = 0x7109871A, 0xF05368C0


def binary_xml(root: Element, *, utf_8: bool = True) -> bytes:
    """The binary form of this tree, as aapt writes it."""
    strings: list[str] = list(NUMBERS)  # Android's attributes come first, with their numbers in a list of their own

    def index(text: str) -> int:
        if text not in strings:
            strings.append(text)
        return strings.index(text)

    def typed(value: Value) -> tuple[int, int, int]:
        if isinstance(value, bool):
            return _NONE, 0x12, _NONE if value else 0
        if isinstance(value, int):
            return _NONE, 0x10, value & 0xFFFFFFFF
        return index(value), 0x03, index(value)

    def element(one: Element) -> bytes:
        name, attributes, inside = one
        rows = b""
        for key, value in attributes.items():
            space = index(ANDROID) if key.startswith("android:") else _NONE
            raw, kind, data = typed(value)
            rows += struct.pack("<IIIHBBI", space, index(key.removeprefix("android:")), raw, 8, 0, kind, data)
        body = struct.pack("<IIHHHHHH", _NONE, index(name), 20, 20, len(attributes), 0, 0, 0) + rows
        start = _chunk(0x0102, struct.pack("<II", 1, _NONE), body)
        end = _chunk(0x0103, struct.pack("<II", 1, _NONE), struct.pack("<II", _NONE, index(name)))
        return start + b"".join(map(element, inside)) + end

    tree = element(root)
    numbers = struct.pack(f"<{len(NUMBERS)}I", *NUMBERS.values())
    inner = _strings(strings, utf_8=utf_8) + _chunk(0x0180, b"", numbers) + tree
    return _chunk(0x0003, b"", inner)


def _chunk(kind: int, head: bytes, body: bytes) -> bytes:
    return struct.pack("<HHI", kind, 8 + len(head), 8 + len(head) + len(body)) + head + body


def _strings(texts: Sequence[str], *, utf_8: bool) -> bytes:
    offsets, data = [], b""
    for text in texts:
        offsets.append(len(data))
        if utf_8:
            data += _short(len(text)) + _short(len(text.encode())) + text.encode() + b"\0"
        else:
            data += struct.pack("<H", len(text)) + text.encode("utf-16-le") + b"\0\0"
    data += bytes(-len(data) % 4)
    table = struct.pack(f"<{len(texts)}I", *offsets)
    start = 28 + len(table)
    return _chunk(0x0001, struct.pack("<IIIII", len(texts), 0, 256 if utf_8 else 0, start, 0), table + data)


def _short(length: int) -> bytes:
    return bytes([length]) if length < 0x80 else bytes([0x80 | length >> 8, length & 0xFF])


@dataclass(frozen=True)
class Made:
    """What an APK is made of."""

    package: str = "org.mobilebench.app"
    version_code: int = 1
    version_name: str = "0.1"
    min_sdk: int = 24
    target_sdk: int = 35
    debuggable: bool = True
    test_only: bool = False
    certificate: bytes | None = b"a certificate"
    scheme: int = V2
    permissions: tuple[str, ...] = ("android.permission.FOREGROUND_SERVICE", "android.permission.POST_NOTIFICATIONS")
    instrumentation: str | None = "org.mobilebench.app.RunnerInstrumentation"
    abis: tuple[str, ...] = ()
    extra: Mapping[str, bytes] = field(default_factory=dict)

    def manifest(self) -> Element:
        sdk = ("uses-sdk", {"android:minSdkVersion": self.min_sdk, "android:targetSdkVersion": self.target_sdk}, ())
        flags = {"android:debuggable": self.debuggable, "android:testOnly": self.test_only}
        application = ("application", flags, [("activity", {"android:name": ".RunnerActivity"}, ())])
        wanted = [("uses-permission", {"android:name": name}, ()) for name in self.permissions]
        runs = {"android:name": self.instrumentation or "", "android:targetPackage": self.package}
        runner = [("instrumentation", runs, ())] if self.instrumentation else []
        facts: dict[str, Value] = {
            "package": self.package,
            "android:versionCode": self.version_code,
            "android:versionName": self.version_name,
        }
        return ("manifest", facts, [sdk, *wanted, application, *runner])

    def content(self) -> bytes:
        """The bytes of the APK."""
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
            libraries = {f"lib/{abi}/libmobilebench-runner.so": b"\x7fELF" for abi in self.abis}
            manifest = {"AndroidManifest.xml": binary_xml(self.manifest())}
            for name, data in {**manifest, "classes.dex": b"dex\n035\0", **libraries, **self.extra}.items():
                archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # always of the same time
        return held.getvalue() if self.certificate is None else signed(held.getvalue(), self.certificate, self.scheme)

    def write(self, folder: Path, name: str = "app.apk") -> Path:
        file = folder / name
        file.write_bytes(self.content())
        return file


def _long(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def signed(archive: bytes, certificate: bytes, scheme: int = V2) -> bytes:
    """The archive with a signing block that holds this certificate; its digests and signature are empty."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        directory = opened.start_dir
    data = _long(b"") + _long(_long(certificate)) + _long(b"")
    value = _long(_long(_long(data) + _long(b"") + _long(b"key")))
    pairs = struct.pack("<QI", 4 + len(value), scheme) + value
    size = len(pairs) + 24
    block = struct.pack("<Q", size) + pairs + struct.pack("<Q", size) + b"APK Sig Block 42"
    end = archive.rindex(b"PK\5\6")
    moved = archive[end : end + 16] + struct.pack("<I", directory + len(block)) + archive[end + 20 :]
    return archive[:directory] + block + archive[directory:end] + moved
