"""Whether CUDA can be used on this computer: is there a device, and does a library have what computes on it?

Nothing is loaded for the answer: a driver that is half installed shall not end this process.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PROVIDER = "libonnxruntime_providers_cuda.so"
"""Lies beside ONNX Runtime's library in packages that have the CUDA provider."""

_DRIVER = Path("/proc/driver/nvidia")
_WSL = Path("/dev/dxg"), Path("/usr/lib/wsl/lib/libcuda.so.1")
"""Windows lends its GPU to a Linux guest under these."""


def no_device(driver: Path = _DRIVER, wsl: tuple[Path, Path] = _WSL) -> str | None:
    """Why no CUDA device can be used here, in plain words; None when there is one."""
    if all(place.exists() for place in wsl):
        return None
    if not (driver / "version").is_file():
        return "no driver of an NVIDIA GPU is loaded"
    if not any((driver / "gpus").glob("*")):
        return "the NVIDIA driver is loaded, but it found no GPU"
    return None


def devices(driver: Path = _DRIVER) -> list[str]:
    """The model names of the NVIDIA GPUs here, as the driver tells them."""
    found = []
    for facts in sorted((driver / "gpus").glob("*/information")):
        for line in facts.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "Model":
                found.append(value.strip())
    return found


def no_provider(library: Path) -> str | None:
    """Why this library of ONNX Runtime cannot use a CUDA device, with the command that mends it; None when it can."""
    if (library.parent / PROVIDER).is_file():
        return None
    return (
        f"{library.name} has no CUDA provider beside it ({PROVIDER}): "
        f"`pip uninstall --yes onnxruntime && pip install onnxruntime-gpu=={_wanted_version()}`"
    )


def why_not(library: Path, driver: Path = _DRIVER, wsl: tuple[Path, Path] = _WSL) -> str | None:
    """Why ONNX Runtime's backend `cuda` cannot run on this computer; None when device and provider are there."""
    return no_device(driver, wsl) or no_provider(library)


def installed_package() -> str | None:
    """Which package ONNX Runtime comes from here: with or without CUDA, with its version; None without any."""
    for package in ("onnxruntime-gpu", "onnxruntime"):
        try:
            return f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    return None


def _wanted_version() -> str:
    package = installed_package()
    return package.partition(" ")[2] if package else "1.29.0"
