"""Whether this computer has a device for CUDA.

Nothing is loaded to find out, because a half-installed driver could end this process. Whether an engine's library
can use the device is checked elsewhere: by `libraries.missing_reason` for ONNX Runtime, by TensorFlow itself.
"""

from __future__ import annotations

from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia")
_WSL = Path("/dev/dxg"), Path("/usr/lib/wsl/lib/libcuda.so.1")
"""Paths under which Windows makes its GPU available to a Linux guest (WSL)."""


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
    """The model names of the NVIDIA GPUs here, as the driver reports them."""
    found = []
    for facts in sorted((driver / "gpus").glob("*/information")):
        for line in facts.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "Model":
                found.append(value.strip())
    return found
