"""Whether this computer has a device for CUDA.

Nothing is loaded for the answer: a driver that is half installed shall not end this process. Whether an engine's
library can use the device is asked elsewhere: of `libraries.missing_reason` for ONNX Runtime, of TensorFlow itself.
"""

from __future__ import annotations

from pathlib import Path

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
