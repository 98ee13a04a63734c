"""Trees of Android's own C library and linker, on which a virtual phone runs programs that were built for Android.

A tree is Android's `system` folder, or a folder that holds it, as `adb pull /system`, an emulator's image or a build of
AOSP give it. From Android 10 on, `linker64`, `libc.so`, `libm.so` and `libdl.so` are links into the module
`com.android.runtime`; without its folder, the copies with which Android itself starts (`bootstrap`) are used.
"""

from __future__ import annotations

import platform
import re
import struct
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of

RUNTIME = "com.android.runtime"
"""The module that holds linker and C library."""
LINKER = "bin/linker64"
LIBRARIES = ("libc.so", "libm.so", "libdl.so")
_PROCESSORS = {"x86_64": 62, "aarch64": 183}
"""Processors in the header of an ELF file."""
_VERSION = re.compile(r"^ro\.(?:system\.)?build\.version\.release=(\d{1,3}(?:\.\d{1,3})*)\s*$", re.MULTILINE)
_MOST_LINKS = 8
_LINKER_CONFIG = """dir.all = /data
dir.all = /system
[all]
namespace.default.isolated = false
namespace.default.search.paths = /system/${LIB}
"""
"""Configuration of the linker where a tree has none: each library of `/system` is found."""


@dataclass(frozen=True)
class BionicTree:
    """The folders and files of a tree that a phone needs."""

    folder: Path
    """The folder that was given."""
    system: Path
    linker: Path
    libc: Path
    modules: tuple[Path, ...]
    """Folders of `/apex`."""
    linker_config: Path | None
    """The folder `/linkerconfig`."""

    @property
    def version(self) -> str:
        """Android's version, as the tree's `build.prop` states it, or an empty text."""
        found = _VERSION.search(_text(self.system / "build.prop"))
        return found[1] if found else ""

    @property
    def name(self) -> str:
        """What tells this C library from others, such as `Android 11, libc.so 5c0e…`."""
        return f"Android {self.version or 'unknown'}, libc.so {sha256_of(self.libc)[:12]}"

    def mounts(self, phone: Path) -> dict[str, Path]:
        """What is mounted, by its place on the phone, in this order; after `prepare` with the same folder."""
        places = {"/system/lib64": self.system / "lib64", f"/system/{LINKER}": self.linker}
        places |= {f"/apex/{module.name}": module for module in self.modules}
        if self._starts_by_copies:
            places[f"/apex/{RUNTIME}/{LINKER}"] = self.linker
            places[f"/apex/{RUNTIME}/lib64/bionic"] = self.libc.parent
        return {**places, "/linkerconfig": self.linker_config or phone / "linkerconfig"}

    @property
    def _starts_by_copies(self) -> bool:
        """Whether linker and C library are the copies with which Android itself starts."""
        return self.libc.parent.name == "bootstrap"

    def prepare(self, phone: Path) -> None:
        """Make the places in the `/system` of the phone in this folder, and the linker's configuration."""
        system = phone / "system"
        (system / "lib64").mkdir()
        (system / LINKER).touch()
        for file in sorted((self.system / "etc").glob("ld.config*.txt")):
            (system / "etc" / file.name).write_text(_text(file))
        (phone / "linkerconfig").mkdir(exist_ok=True)
        (phone / "linkerconfig" / "ld.config.txt").write_text(_LINKER_CONFIG)


def find(folder: Path) -> BionicTree:
    """The tree in a folder.

    Raises:
        BadInput: the folder holds no linker or C library of Android for this computer's processor.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder.", hint=_HINT)
    system = (folder / "system" if (folder / "system").is_dir() else folder).resolve()
    modules = tuple(
        sorted(
            path.resolve() for place in (system, system.parent) for path in (place / "apex").glob("*/") if path.is_dir()
        )
    )
    linker = _found(system, modules, LINKER, "bin/bootstrap/linker64")
    libraries = {name: _found(system, modules, f"lib64/{name}", f"lib64/bootstrap/{name}") for name in LIBRARIES}
    missing = [f"lib64/{name}" for name, file in libraries.items() if file is None]
    if linker is None:
        missing.insert(0, LINKER)
    libc = libraries["libc.so"]
    if missing or linker is None or libc is None:
        raise BadInput(f"{folder} is not Android's system folder; missing: {', '.join(missing)}.", hint=_HINT)
    for file in (linker, libc):
        if (problem := _not_for_this_computer(file)) is not None:
            raise BadInput(f"{file} cannot run on this computer: {problem}.", hint=_HINT)
    config = next((path for place in (system.parent, system) if (path := place / "linkerconfig").is_dir()), None)
    return BionicTree(folder.resolve(), system, linker, libc, modules, config)


_HINT = (
    f"Give Android's system folder (64 bit) with bin/linker64 and lib64, beside apex/{RUNTIME} from Android 10 on; "
    "see docs/virtual.md."
)


def _found(system: Path, modules: tuple[Path, ...], *names: str) -> Path | None:
    """The first of these files that is there, with links followed as on a phone with this `/system` and `/apex`."""
    files = (_follow(system, modules, system / name) for name in names)
    return next((file for file in files if file is not None), None)


def _follow(system: Path, modules: tuple[Path, ...], file: Path) -> Path | None:
    for _ in range(_MOST_LINKS):
        if not file.is_symlink():
            return file if file.is_file() else None
        target = PurePosixPath(file.readlink())
        if not target.is_absolute():
            file = file.parent / target
            continue
        match target.parts:
            case ("/", "system", *rest):
                file = system.joinpath(*rest)
            case ("/", "apex", name, *rest):
                module = next((module for module in modules if module.name == name), None)
                if module is None:
                    return None
                file = module.joinpath(*rest)
            case _:
                return None
    return None


def _not_for_this_computer(file: Path) -> str | None:
    """Why the computer's processor cannot run this file, or None."""
    with file.open("rb") as source:
        head = source.read(20)
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return "it is not an ELF file"
    processor = struct.unpack_from("<H", head, 18)[0]
    names = {number: name for name, number in _PROCESSORS.items()}
    if head[4] != 2 or names.get(processor) != platform.machine():
        return f"it is for {names.get(processor, 'another processor')}, not for {platform.machine()}"
    return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
