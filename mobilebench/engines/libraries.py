"""The engine libraries that the native runner loads: found or fetched once, checked by SHA-256 on every use.

TensorFlow Lite is fetched by the ordinary Maven client as `libraries.lock.yaml` pins it. ONNX Runtime is the library
inside the installed `onnxruntime` package. `MOBILEBENCH_TFLITE_LIBRARY` and `MOBILEBENCH_ONNXRUNTIME_LIBRARY` name
another file instead; its checksum then stands in the proof of every block.

`python -m mobilebench.engines.libraries` makes all of them ready for this computer.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from pydantic import TypeAdapter

from mobilebench import paths
from mobilebench.errors import BadInput, MobilebenchError, Unsupported
from mobilebench.results.records import Record
from mobilebench.sums import sha256_of

ENGINES = ("tflite", "onnxruntime")

_LOCK = Path(__file__).with_name("libraries.lock.yaml")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_FETCH_SECONDS = 300.0
_LARGEST_MEMBER = 256 * 2**20
_ELF_MACHINES = {"x86_64": 62, "aarch64": 183, "arm64-v8a": 183, "armeabi-v7a": 40, "x86": 3}


@dataclass(frozen=True)
class Library:
    """A library file on this computer, ready to be pushed."""

    path: Path
    sha256: str
    origin: str
    """Where it comes from, in words."""


class Pin(Record):
    """One entry of the lock file."""

    coordinate: str
    version: str
    archive_sha256: str
    member: str
    sha256: str
    licence: str
    checked: str


def host_build() -> str:
    """The runner build of this computer, such as `linux-x86_64`."""
    return f"linux-{platform.machine()}"


def missing_reason(engine: str, build: str) -> str | None:
    """Why no library of `engine` is known for runner build `build`; None when one is. Looks at no file but the lock."""
    if os.environ.get(_variable(engine)):
        return None
    if engine == "onnxruntime":
        if build == host_build():
            return None
        return f"the installed package `onnxruntime` holds a library for {host_build()}, not for {build}"
    if build in _lock().get(engine, {}):
        return None
    return f"no library of `{engine}` is pinned for {build}"


def library(engine: str, build: str) -> Library:
    """The library of `engine` for runner build `build`, fetched when it is not here yet.

    Raises:
        Unsupported: there is none for this build.
        BadInput: it cannot be fetched, or the file that the environment names cannot be used.
    """
    if given := os.environ.get(_variable(engine)):
        return _given(Path(given).expanduser(), _variable(engine), build)
    if reason := missing_reason(engine, build):
        raise Unsupported(_sentence(reason), hint=f"Name a library for {build} in {_variable(engine)}.")
    return _installed_onnxruntime() if engine == "onnxruntime" else _pinned(engine, build, _lock()[engine][build])


def _variable(engine: str) -> str:
    return f"MOBILEBENCH_{engine.upper()}_LIBRARY"


def _sentence(reason: str) -> str:
    return f"{reason[0].upper()}{reason[1:]}."


@cache
def _lock() -> dict[str, dict[str, Pin]]:
    import yaml

    return TypeAdapter(dict[str, dict[str, Pin]]).validate_python(yaml.safe_load(_LOCK.read_text()))


def _given(path: Path, variable: str, build: str) -> Library:
    try:
        with path.open("rb") as stream:
            head = stream.read(20)
    except OSError as error:
        raise BadInput(
            f"The library that {variable} names, {path}, cannot be read ({error.strerror}).",
            hint=f"Set {variable} to a shared library, or unset it.",
        ) from error
    machine = _ELF_MACHINES.get(build.partition("-")[2])
    if head[:4] != b"\x7fELF" or (machine and int.from_bytes(head[18:20], "little") != machine):
        raise BadInput(
            f"The library that {variable} names, {path}, is not a shared library for {build}.",
            hint=f"Set {variable} to a shared library built for {build}, or unset it.",
        )
    return Library(path.resolve(), _sha256(path), f"{variable}={path.name}")


def _installed_onnxruntime() -> Library:
    spec = find_spec("onnxruntime")
    folders = [Path(place) / "capi" for place in (spec.submodule_search_locations or [])] if spec else []
    found = sorted(file for folder in folders for file in folder.glob("libonnxruntime.so.*"))
    if not found:
        raise BadInput(
            "The Python package `onnxruntime` is not installed with its library.",
            hint=f"Run `make python`, or name a library in {_variable('onnxruntime')}.",
        )
    return Library(found[-1], _sha256(found[-1]), f"package onnxruntime {metadata.version('onnxruntime')}")


def _pinned(engine: str, build: str, pin: Pin) -> Library:
    path = paths.cache() / "libraries" / f"{engine}-{pin.version}-{build}" / Path(pin.member).name
    if not path.is_file() or _sha256(path) != pin.sha256:
        _fetch(engine, pin, path)
    return Library(path, pin.sha256, pin.coordinate)


def _fetch(engine: str, pin: Pin, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent.parent, prefix=".fetch-") as folder:
        archive = _download(engine, pin, Path(folder))
        if _sha256(archive) != pin.archive_sha256:
            raise BadInput(
                f"What was fetched as {pin.coordinate} is not the pinned file: its checksum differs.",
                hint="Fetch it again; if it still differs, do not use it and tell the maintainers.",
            )
        unpacked = Path(folder) / "library.so"
        _unpack(archive, pin.member, unpacked)
        if _sha256(unpacked) != pin.sha256:
            raise BadInput(
                f"The library inside {pin.coordinate} is not the pinned one: its checksum differs.",
                hint="Tell the maintainers: libraries.lock.yaml contradicts itself.",
            )
        unpacked.replace(path)


def _download(engine: str, pin: Pin, folder: Path) -> Path:
    if shutil.which("mvn") is None:
        raise BadInput(
            f"The library of `{engine}` ({pin.coordinate}) is not here, and the Maven client `mvn` to fetch it is "
            "not installed.",
            hint=f"Install it (`apt-get install maven`), or name a library in {_variable(engine)}.",
        )
    command = ["mvn", "--batch-mode", "--quiet", _COPY, f"-Dartifact={pin.coordinate}", f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_SECONDS, cwd=folder, check=False)
        words = _first_error(done.stdout + done.stderr)
    except subprocess.TimeoutExpired:
        words = f"no answer within {_FETCH_SECONDS:.0f} s"
    archives = list(folder.glob("*.jar"))
    if len(archives) != 1:
        raise BadInput(
            f"The library of `{engine}` ({pin.coordinate}) could not be fetched: {words}.",
            hint=f"Check the network and run this again, or name a library in {_variable(engine)}.",
        )
    return archives[0]


def _first_error(output: str) -> str:
    for line in output.splitlines():
        if "ERROR" in line:
            text = line.partition("ERROR")[2].strip("] :\x1b[m").strip()
            return text[:300].rstrip(".")
    return "the Maven client gave no reason"


def _unpack(archive: Path, member: str, target: Path) -> None:
    """Only the named member leaves the archive, under a name of ours."""
    try:
        with zipfile.ZipFile(archive) as packed, packed.open(member) as source, target.open("wb") as sink:
            if packed.getinfo(member).file_size > _LARGEST_MEMBER:
                raise BadInput(f"{member} in {archive.name} is larger than any engine's library.")
            shutil.copyfileobj(source, sink, 2**20)
    except (KeyError, zipfile.BadZipFile) as error:
        raise BadInput(f"The archive {archive.name} does not hold {member}: {error}.") from error


def _sha256(path: Path) -> str:
    facts = path.stat()
    return _remembered(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)


@cache
def _remembered(path: Path, _changed: int, _size: int, _inode: int) -> str:
    return sha256_of(path)


def main() -> int:
    """Make every library ready for this computer and say where it lies."""
    for engine in ENGINES:
        try:
            found = library(engine, host_build())
        except MobilebenchError as error:
            sys.stderr.write(f"{error.message} {error.hint or ''}\n")
            return int(error.exit_code)
        sys.stdout.write(f"{engine}: {found.path} ({found.origin})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
