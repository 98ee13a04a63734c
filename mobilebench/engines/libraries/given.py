"""Libraries that a user names by option or environment variable: shared libraries and Android archives.

An `.aar`, or a library built for Android, is used on phones; any other file on this computer. It has to fit the
processor there, which the header of a shared library names.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mobilebench.core import atomic_files, file_locks, paths
from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import known_sha256
from mobilebench.engines.libraries import unpack
from mobilebench.engines.libraries.library import Library

NAMES = {
    "tflite": "libtensorflowlite_jni.so",
    "tflite-gpu": "libtensorflowlite_gpu_jni.so",
    "onnxruntime": "libonnxruntime.so",
}
"""Name to the library's file name inside an Android archive. `tflite-gpu` is the GPU delegate."""


@dataclass(frozen=True)
class Given:
    """A file that a user named."""

    name: str
    path: Path
    by: str
    """The option or environment variable that named it."""

    @property
    def words(self) -> str:
        return f"The library that {self.by} names, {self.path},"


_NamedFiles = Mapping[str, tuple[Given, ...]]

_by_option: ContextVar[_NamedFiles] = ContextVar("files named by options", default=MappingProxyType({}))
"""Files by the name of their engine or delegate. New threads do not inherit it."""

_OPTION = "--engine-library"


def variable(name: str) -> str:
    """The environment variable that names a file, such as `MOBILEBENCH_TFLITE_GPU_LIBRARY`."""
    return f"MOBILEBENCH_{name.upper().replace('-', '_')}_LIBRARY"


@contextmanager
def using(options: Iterable[str]) -> Iterator[None]:
    """Use the files of `NAME=FILE` options until the context ends; they take precedence over environment variables.

    Raises:
        BadInput: an option is not such a pair, or its file cannot be read or is not a library.
    """
    added = [_parsed(option) for option in options]
    for given in added:
        _family(given)
    before = [given for named in _by_option.get().values() for given in named]
    with using_files([*before, *added]):
        yield


@contextmanager
def using_files(named: Iterable[Given]) -> Iterator[None]:
    """Use exactly these files until the context ends, and no environment variable for their names."""
    by_name: dict[str, tuple[Given, ...]] = {}
    for given in named:
        by_name[given.name] = (*by_name.get(given.name, ()), given)
    token = _by_option.set(MappingProxyType(by_name))
    try:
        yield
    finally:
        _by_option.reset(token)


def files(name: str) -> Sequence[Given]:
    """The files that are currently named for an engine or delegate."""
    if named := _by_option.get().get(name):
        return named
    value = os.environ.get(variable(name))
    return [Given(name, Path(value).expanduser(), variable(name))] if value else []


def every_file() -> list[Given]:
    """The files that are currently named for any engine or delegate."""
    return [given for name in NAMES for given in files(name)]


def concerns(name: str, build: str) -> bool:
    """Whether a named file is meant for this build: it is of the build's family, or it cannot be read."""
    return any(_meant(given, build) for given in files(name))


def library(name: str, build: str) -> Library | None:
    """The named library that fits a runner build; None when none is meant for builds of its family.

    Raises:
        BadInput: the file cannot be read, is damaged, or is for another processor.
    """
    meant = [given for given in files(name) if _meant(given, build)]
    for given in meant:
        if found := _fitting(given, build):
            return found
    if not meant:
        return None
    given = meant[-1]
    raise BadInput(
        f"{given.words} is not a library for {build}: {_what_it_is(given)}.",
        hint=f"Name a library built for {build}, or none.",
    )


def require_use(builds: Iterable[str]) -> None:
    """Check that every file named by an option is meant for one of these runner builds, so that none is ignored.

    Raises:
        BadInput: a file is meant for none of them.
    """
    asked = sorted(set(builds))
    for named in _by_option.get().values():
        for given in named:
            if asked and not any(_meant(given, build) for build in asked):
                family = _family(given).capitalize()
                raise BadInput(
                    f"{given.words} is for {family}, but what is to be measured runs {', '.join(asked)}.",
                    hint="Name a library for these, or measure other targets (--serial).",
                )


def _parsed(option: str) -> Given:
    name, equals, file = option.partition("=")
    if not equals or not file or name not in NAMES:
        raise BadInput(
            f"--engine-library {option} is not NAME=FILE with one of these names: {', '.join(NAMES)}.",
            hint="As in `--engine-library onnxruntime=onnxruntime.aar`.",
        )
    return Given(name, Path(file).expanduser(), _OPTION)


def _meant(given: Given, build: str) -> bool:
    try:
        return build.startswith(f"{_family(given)}-")
    except BadInput:
        return True


def _family(given: Given) -> str:
    if _is_archive(given):
        return "android"
    header = _header(given)
    if header is None:
        raise BadInput(
            f"{given.words} is neither a shared library nor an Android archive (.aar).",
            hint=f"Name a .so or .aar file by --engine-library or {variable(given.name)}, or none.",
        )
    return header.family


def _is_archive(given: Given) -> bool:
    try:
        with given.path.open("rb") as stream:
            return stream.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise _unreadable(given, error) from error


def _header(given: Given) -> Elf | None:
    try:
        return read_elf(given.path)
    except OSError as error:
        raise _unreadable(given, error) from error


def _fitting(given: Given, build: str) -> Library | None:
    if _is_archive(given):
        return _from_archive(given, build)
    header = _header(given)
    if header is None or not header.fits(build):
        return None
    return Library(given.path.resolve(), known_sha256(given.path), f"{given.by} {given.path.name}")


def _from_archive(given: Given, build: str) -> Library | None:
    """The library for this build, unpacked once into the cache under the archive's checksum."""
    abi = build.removeprefix("android-")
    if abi not in _abis(given):
        return None
    target = paths.cache() / "libraries" / f"given-{known_sha256(given.path)[:16]}-{build}" / NAMES[given.name]
    try:
        _unpack(given, abi, target)
    except OSError as error:
        raise BadInput(
            f"{given.words} cannot be unpacked to {target.parent}: {error.strerror or error}.",
            hint="Free some space or set MOBILEBENCH_CACHE to a folder that can be written.",
        ) from error
    header = read_elf(target)
    if header is None or not header.fits(build):
        raise BadInput(f"{given.words} holds something under jni/{abi} that is not a library for {build}.")
    return Library(target, known_sha256(target), f"{given.by} {given.path.name}")


def _unpack(given: Given, abi: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with file_locks.exclusive(target.parent / ".lock"):
        if not _unpacked(given, abi, target):
            with atomic_files.replacing(target, alone=True) as draft:
                unpack.from_zip(given.path, f"jni/{abi}/{target.name}", draft)


def _unpacked(given: Given, abi: str, target: Path) -> bool:
    return target.is_file() and unpack.checksum_in_zip(given.path, f"jni/{abi}/{target.name}") == unpack.checksum(
        target
    )


def _abis(given: Given) -> Sequence[str]:
    pattern = re.compile(rf"jni/([\w-]+)/{re.escape(NAMES[given.name])}")
    found = (pattern.fullmatch(name) for name in unpack.names_in_zip(given.path))
    return sorted({match.group(1) for match in found if match})


def _what_it_is(given: Given) -> str:
    if _is_archive(given):
        abis = ", ".join(_abis(given))
        return f"it holds {NAMES[given.name]} for {abis}" if abis else f"it holds no {NAMES[given.name]}"
    header = _header(given)
    machine = next((name for name, number in ABIS.items() if header and number == header.machine), None)
    return f"it is for {machine}" if machine else "it is for an unknown processor"


def _unreadable(given: Given, error: OSError) -> BadInput:
    return BadInput(
        f"{given.words} cannot be read ({error.strerror}).",
        hint=f"Name a shared library or an Android archive (.aar), or none ({variable(given.name)} unset).",
    )


ABIS = {"x86_64": 62, "aarch64": 183, "arm64-v8a": 183, "armeabi-v7a": 40, "x86": 3}
"""Name of a processor in runner builds to ELF's machine number."""

_HEAD = 64 * 2**10
_NOTE = 4
_SEGMENTS = {1: ("<IIIIIIII", 1, 4), 2: ("<IIQQQQQQ", 2, 5)}
"""ELF class (32 or 64 bit) to a program header's format and the positions of file offset and size in it."""


@dataclass(frozen=True)
class Elf:
    """A shared library's header."""

    machine: int
    android: bool
    """It has Android's note segment, which every library built with the NDK has."""

    @property
    def family(self) -> str:
        return "android" if self.android else "linux"

    def fits(self, build: str) -> bool:
        """Whether a runner build such as `android-arm64-v8a` can load it."""
        family, _, abi = build.partition("-")
        return family == self.family and ABIS.get(abi) == self.machine


def read_elf(path: Path) -> Elf | None:
    """The header of a little-endian ELF file; None for any other file.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return None
    return Elf(int.from_bytes(head[18:20], "little"), _names_android(head))


def _names_android(head: bytes) -> bool:
    """Whether one of the note segments that the header lists names Android. Only the file's start is looked at."""
    layout = _SEGMENTS.get(head[4])
    if layout is None or len(head) < 64:
        return False
    form, offset_at, size_at = layout
    table = struct.unpack_from("<I", head, 28)[0] if head[4] == 1 else struct.unpack_from("<Q", head, 32)[0]
    step, count = struct.unpack_from("<HH", head, 42 if head[4] == 1 else 54)
    for index in range(count):
        begin = table + index * step
        if begin + struct.calcsize(form) > len(head):
            return False
        segment = struct.unpack_from(form, head, begin)
        if segment[0] == _NOTE and b"Android\0" in head[segment[offset_at] : segment[offset_at] + segment[size_at]]:
            return True
    return False
