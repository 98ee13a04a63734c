"""Finds what a backend of an engine loads on a runner build: a user's file, else the pinned library.

On this computer, ONNX Runtime's library is the one inside the installed Python package, which has one of several names.
"""

from __future__ import annotations

import platform
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from mobilebench.core.errors import BadInput, Unsupported, as_clause, as_sentence
from mobilebench.core.hashing import known_sha256
from mobilebench.engines.libraries import cached, given, pins
from mobilebench.engines.libraries.cached import Tell, on_standard_error
from mobilebench.engines.libraries.library import EngineLibraries, Library
from mobilebench.engines.libraries.pins import Choice

ENGINES = ("tflite", "onnxruntime")

_DELEGATES = {("tflite", "gpu"): "tflite-gpu"}
"""(Engine, backend) that has a library of its own, to the name by which a user gives that library."""

_PROVIDER_PACKAGES = {"cuda": "onnxruntime-gpu=={version}", "openvino": "onnxruntime-openvino"}
"""Backend with a library beside ONNX Runtime's on this computer, to the package that contains the library.

The second package skips some of ONNX Runtime's releases, so its version is not given.
"""


def host_build() -> str:
    """The runner build of this computer, such as `linux-x86_64`."""
    return f"linux-{platform.machine()}"


def missing_reason(engine: str, build: str, backend: str | None = None) -> str | None:
    """Why there is no library for `backend` of `engine` on runner build `build`; None when one is known and this
    process has not failed to fetch it.

    Fetches nothing. Without a backend, a library for any backend is enough.
    """
    if reason := _unknown(engine, build, backend):
        return reason
    choice = None if given.concerns(engine, build) else pins.choice(engine, build, backend)
    for member in filter(None, (choice.core, choice.delegate) if choice else ()):
        if reason := cached.failed_before(pins.pinned(engine, build, member)):
            return as_clause(reason)
    return None


def _unknown(engine: str, build: str, backend: str | None) -> str | None:
    if given.concerns(engine, build):
        return _missing_delegate(engine, build, backend)
    if engine == "onnxruntime" and build == host_build():
        return _missing_provider(backend)
    if pins.choice(engine, build, backend) is None:
        what = f"backend `{backend}` of `{engine}`" if backend and pins.choice(engine, build, None) else f"`{engine}`"
        return f"no library of {what} is pinned for {build} (`--engine-library {engine}=FILE` names one)"
    return None


def libraries_for(engine: str, backend: str, build: str, tell: Tell = on_standard_error) -> EngineLibraries:
    """The libraries that `backend` of `engine` loads on runner build `build`, fetched when they are missing.

    Raises:
        Unsupported: there is none for this build, or it cannot be fetched; the hint says how to fix that.
        BadInput: the fetched file is not the pinned one, or a user's file cannot be used.
    """
    name = _DELEGATES.get((engine, backend))
    own = given.library(engine, build)
    own_delegate = given.library(name, build) if name else None
    if reason := _unknown(engine, build, backend):
        raise Unsupported(as_sentence(reason))
    choice = pins.choice(engine, build, backend)
    core = own or _known_core(engine, build, choice, tell)
    delegate = own_delegate
    if delegate is None and name and choice and choice.delegate:
        delegate = cached.obtain(pins.pinned(engine, build, choice.delegate), tell)
    return EngineLibraries(core, delegate, _notes(engine, build, core, delegate))


def library(engine: str, build: str) -> Library:
    """The library of `engine` for its first backend on runner build `build`.

    Raises:
        Unsupported, BadInput: as `libraries_for`.
    """
    return libraries_for(engine, "cpu", build).core


def host_version(engine: str) -> str | None:
    """The version that this computer runs; None for a user's file, whose version is unknown, or without a library."""
    build = host_build()
    if given.concerns(engine, build):
        return None
    if engine == "onnxruntime":
        path = find_installed()
        return version_of(path) if path else None
    choice = pins.choice(engine, build, None)
    return pins.pinned(engine, build, choice.core).archive.version if choice else None


def _known_core(engine: str, build: str, choice: Choice | None, tell: Tell) -> Library:
    if engine == "onnxruntime" and build == host_build():
        return installed_library()
    assert choice is not None, "missing_reason has looked"
    return cached.obtain(pins.pinned(engine, build, choice.core), tell)


def _missing_delegate(engine: str, build: str, backend: str | None) -> str | None:
    """Why the backend's own library is missing, where a user gave the core library; None when it is not."""
    name = _DELEGATES.get((engine, backend or ""))
    if name is None or given.concerns(name, build):
        return None
    choice = pins.choice(engine, build, backend)
    if choice and choice.delegate:
        return None
    return f"no library of `{name}` is pinned for {build} (`--engine-library {name}=FILE` names one)"


def _missing_provider(backend: str | None) -> str | None:
    """Why a provider's library is missing; None when it is not. A damaged package can lack it, or another package of
    the same name."""
    path = find_installed()
    if path is None:
        return (
            "the Python package `onnxruntime` is not installed with its library "
            "(`pip install onnxruntime` does, or `--engine-library onnxruntime=FILE` names one)"
        )
    package = _PROVIDER_PACKAGES.get(backend or "")
    if package is None or backend in providers_beside(path):
        return None
    return (
        f"the installed ONNX Runtime brings no library of its `{backend}` provider "
        f"(`pip install {package.format(version=version_of(path))}` does)"
    )


def _notes(engine: str, build: str, core: Library, delegate: Library | None) -> tuple[str, ...]:
    notes = []
    here = host_version(engine)
    if build != host_build() and core.version and here and core.version != here:
        notes.append(f"the library of {engine} is {core.version}, this computer's is {here}: they differ in speed")
    if delegate and delegate.version != core.version:
        notes.append(
            f"the delegate is of version {delegate.version or 'unknown'}, the library of {core.version or 'unknown'}"
        )
    return tuple(notes)


PACKAGES = ("onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-qnn", "onnxruntime-migraphx", "onnxruntime")
"""Packages that contain a module `onnxruntime`. The plain one is last, since others are installed over it."""

LICENCE = "MIT"

_PREFIX = "libonnxruntime.so."
_PROVIDER = "libonnxruntime_providers_"


def find_installed() -> Path | None:
    """The newest library of the installed package; the package itself is not imported."""
    spec = find_spec("onnxruntime")
    folders = [Path(place) / "capi" for place in (spec.submodule_search_locations or [])] if spec else []
    found = [file for folder in folders for file in folder.glob(f"{_PREFIX}*")]
    return max(found, key=lambda file: _version_numbers(version_of(file)), default=None)


def installed_library() -> Library:
    """The installed library.

    Raises:
        BadInput: there is none.
    """
    path = find_installed()
    if path is None:
        raise BadInput(
            "The Python package `onnxruntime` is not installed with its library.",
            hint="Run `make python`, or name a library: `--engine-library onnxruntime=FILE.so`.",
        )
    version = version_of(path)
    package = _package(version)
    return Library(path, known_sha256(path), f"package {package} {version}", version, LICENCE, f"{package}=={version}")


def version_of(path: Path) -> str:
    """The version in the library's file name."""
    return path.name.removeprefix(_PREFIX)


def providers_beside(library: Path) -> dict[str, Path]:
    """The execution providers with a library of their own beside ONNX Runtime's, by name (`cuda`, `openvino`).

    ONNX Runtime loads them from its own folder together with `libonnxruntime_providers_shared.so`; without that file
    the result is empty.
    """
    found = {file.stem.removeprefix(_PROVIDER): file for file in sorted(library.parent.glob(f"{_PROVIDER}*.so"))}
    return {name: file for name, file in found.items() if name != "shared"} if "shared" in found else {}


def _package(version: str) -> str:
    """The name of the package that contains it."""
    for name in PACKAGES:
        try:
            if metadata.version(name) == version:
                return name
        except metadata.PackageNotFoundError:
            continue
    return "onnxruntime"


def _version_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
