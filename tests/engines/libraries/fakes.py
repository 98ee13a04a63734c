"""Tiny libraries and archives, and clients named `mvn` and `npm` that give them."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from mobilebench.engines.libraries import pins
from mobilebench.engines.libraries.given import ABIS

COORDINATE = "org.engine:engine-android:1.0:aar"
PACKAGE = "com.engine.mirror@1.2.3"
INSIDE = "package/Plugins/engine.aar"


def elf(abi: str = "x86_64", *, android: bool = False) -> bytes:
    """A header and one program header: Android's own note, or one of somebody else."""
    note = struct.pack("<III", 8, 4, 1) + (b"Android\0" if android else b"Builder\0") + bytes(4)
    wide = abi in ("x86_64", "aarch64", "arm64-v8a")
    size = 64 if wide else 52
    step = 56 if wide else 32
    head = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9) + struct.pack("<HHI", 3, ABIS[abi], 1)
    places = struct.pack("<QQQ" if wide else "<III", 0, size, 0)
    head += places + struct.pack("<IHHHHHH", 0, size, step, 1, 0, 0, 0)
    begin = size + step
    if wide:
        segment = struct.pack("<IIQQQQQQ", 4, 4, begin, 0, 0, len(note), len(note), 4)
    else:
        segment = struct.pack("<IIIIIIII", 4, begin, 0, 0, len(note), len(note), 4, 4)
    return head + segment + note


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packing:
        for name, raw in members.items():
            packing.writestr(name, raw)
    return path


def tgz(path: Path, members: Mapping[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as packing:
        for name, raw in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            packing.addfile(entry, io.BytesIO(raw))
    return path


def aar(path: Path, abis: tuple[str, ...] = ("arm64-v8a", "x86_64"), name: str = "libonnxruntime.so") -> Path:
    return zipped(
        path, {f"jni/{abi}/{name}": elf(abi, android=True) for abi in abis} | {"../../outside": b"never written"}
    )


def client(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """A program of that name that does what `script` says, with OUT as the folder that it is told."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(
        "#!/bin/sh\nfor word; do case $word in -DoutputDirectory=*|--pack-destination=*) OUT=${word#*=};; esac; done\n"
        f"echo {name} >> {folder}/calls\n{script}\n"
    )
    program.chmod(0o755)
    if str(folder) not in os.environ["PATH"].split(os.pathsep):
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def calls(folder: Path) -> list[str]:
    """The clients that were asked, in order."""
    file = folder / "calls"
    return file.read_text().split() if file.exists() else []


def pin(
    monkeypatch: pytest.MonkeyPatch,
    archive: Path,
    *,
    abis: tuple[str, ...] = ("arm64-v8a", "x86_64"),
    package: Path | None = None,
    archive_sha256: str | None = None,
    member_sha256: str | None = None,
    member: str | None = None,
) -> pins.Lock:
    """A lock file of one engine, `onnxruntime` for Android, inside one archive."""
    sources: list[dict[str, str]] = [{"maven": COORDINATE}]
    if package:
        sources.append({"npm": PACKAGE, "sha256": sha256(package.read_bytes()), "member": INSIDE})
    held = {
        f"android-{abi}": [
            {
                "backends": ["cpu", "nnapi"],
                "core": {
                    "archive": "engine",
                    "member": member or f"jni/{abi}/libonnxruntime.so",
                    "sha256": member_sha256 or sha256(elf(abi, android=True)),
                },
                "checked": "by this test",
            }
        ]
        for abi in abis
    }
    made = pins.Lock.model_validate(
        {
            "archives": {
                "engine": {
                    "version": "1.0",
                    "licence": "MIT",
                    "contains": [],
                    "sha256": archive_sha256 or sha256(archive.read_bytes()),
                    "sources": sources,
                }
            },
            "engines": {"onnxruntime": held},
        }
    )
    monkeypatch.setattr(pins, "lock", lambda: made)
    return made
