"""What an APK with engines carries too: the pinned libraries of each engine, and ONNX Runtime's Java classes."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from apk_runner import archives
from mobilebench.core import file_locks
from mobilebench.core.errors import Unsupported
from mobilebench.core.hashing import known_sha256
from mobilebench.engines.libraries import cached, pins, unpack

ENGINES = ("tflite", "onnxruntime")
ORT_ARCHIVE = "onnxruntime-1.29.0-android"
_ORT_JNI = "libonnxruntime4j_jni.so"
NOTICES = "assets/libraries.txt"


@dataclass(frozen=True)
class Carried:
    """What the engines add to an APK."""

    files: dict[str, bytes]
    """Name in the APK to content."""
    classes: tuple[bytes, ...]
    """Archives of Java classes."""


def carried(engines: tuple[str, ...], abis: tuple[str, ...]) -> Carried:
    """The libraries of these engines for these ABIs, fetched when they are missing.

    Raises:
        Unsupported: one cannot be had.
        BadInput: what was fetched is not the pinned file.
    """
    files: dict[str, bytes] = {}
    classes: list[bytes] = []
    used: set[str] = set()
    for abi in abis:
        for engine in engines:
            for choice in pins.lock().engines[engine][f"android-{abi}"]:
                for member in filter(None, (choice.core, choice.delegate)):
                    pinned = pins.pinned(engine, f"android-{abi}", member)
                    library = cached.obtain(pinned)
                    files[f"lib/{abi}/{library.path.name}"] = library.path.read_bytes()
                    used.add(member.archive)
    if "onnxruntime" in engines:
        whole = _ort_archive()
        classes.append(_member(whole, "classes.jar"))
        for abi in abis:
            files[f"lib/{abi}/{_ORT_JNI}"] = _member(whole, f"jni/{abi}/{_ORT_JNI}")
    if used:
        files[NOTICES] = _notices(used).encode()
    return Carried(files, tuple(classes))


def _ort_archive() -> Path:
    """ONNX Runtime's archive for Android, whole: the library cache keeps only the engine's library of it."""
    archive = pins.lock().archives[ORT_ARCHIVE]
    kept = archives.folder() / archive.sha256[:16] / "onnxruntime-android.aar"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with file_locks.exclusive(kept.with_name(".lock")):
        if kept.is_file() and known_sha256(kept) == archive.sha256:
            return kept
        reasons = []
        for source in archive.sources:
            cached.on_standard_error(f"Fetching {source.coordinate} …")
            with tempfile.TemporaryDirectory(dir=kept.parent) as room:
                try:
                    shutil.move(cached.fetch(source, archive, Path(room)), kept)
                    return kept
                except (cached.NotHad, cached.OtherBytes) as reason:
                    reasons.append(f"{source.coordinate}: {reason}")
    raise Unsupported(f"ONNX Runtime for Android could not be fetched: {'; '.join(reasons)}.")


def _member(archive: Path, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as room:
        unpacked = Path(room) / "member"
        unpack.from_zip(archive, name, unpacked)
        return unpacked.read_bytes()


def _notices(used: set[str]) -> str:
    """What the libraries are, and their licences."""
    lines = []
    for name in sorted(used):
        archive = pins.lock().archives[name]
        lines.append(f"{archive.coordinate} ({archive.licence}), with {', '.join(archive.contains)}\n")
    return "".join(lines)
