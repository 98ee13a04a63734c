"""ONNX Runtime on this computer: the library inside the installed Python package, which has one of several names."""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import known_sha256
from mobilebench.engines.libraries.library import Library

PACKAGES = ("onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-qnn", "onnxruntime-migraphx", "onnxruntime")
"""Packages that contain a module `onnxruntime`. The plain one is last, since others are installed over it."""

LICENCE = "MIT"

_PREFIX = "libonnxruntime.so."
_PROVIDER = "libonnxruntime_providers_"


def find() -> Path | None:
    """The newest library of the installed package; the package itself is not imported."""
    spec = find_spec("onnxruntime")
    folders = [Path(place) / "capi" for place in (spec.submodule_search_locations or [])] if spec else []
    found = [file for folder in folders for file in folder.glob(f"{_PREFIX}*")]
    return max(found, key=lambda file: _numbers(version_of(file)), default=None)


def library() -> Library:
    """The installed library.

    Raises:
        BadInput: there is none.
    """
    path = find()
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


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
