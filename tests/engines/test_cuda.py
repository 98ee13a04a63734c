"""Whether there is a device for CUDA: told from what the driver puts into the system's folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.engines import cuda
from tests.pinning import Pinned


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """The driver's folder of a computer with one GPU."""
    gpu = tmp_path / "nvidia" / "gpus" / "0000:01:00.0"
    gpu.mkdir(parents=True)
    (gpu / "information").write_text("Model: \t\t NVIDIA GeForce RTX 3060\nIRQ:   \t\t 142\n")
    (tmp_path / "nvidia" / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14\n")
    return tmp_path / "nvidia"


@pytest.fixture
def no_wsl(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "dxg", tmp_path / "libcuda.so.1"


def test_a_device_is_known_by_its_driver(driver: Path, no_wsl: tuple[Path, Path]) -> None:
    assert cuda.no_device(driver, no_wsl) is None
    assert cuda.devices(driver) == ["NVIDIA GeForce RTX 3060"]


def test_a_driver_without_a_gpu_is_reported(driver: Path, no_wsl: tuple[Path, Path], pinned: Pinned) -> None:
    (driver / "gpus" / "0000:01:00.0" / "information").unlink()
    (driver / "gpus" / "0000:01:00.0").rmdir()
    pinned(cuda.no_device(driver, no_wsl) or "")
    assert cuda.devices(driver) == []


def test_no_driver_is_reported(tmp_path: Path, no_wsl: tuple[Path, Path], pinned: Pinned) -> None:
    pinned(cuda.no_device(tmp_path / "none", no_wsl) or "")


def test_a_gpu_lent_by_windows_counts(tmp_path: Path, no_wsl: tuple[Path, Path]) -> None:
    no_wsl[0].touch()
    assert cuda.no_device(tmp_path / "none", no_wsl) is not None
    no_wsl[1].touch()
    assert cuda.no_device(tmp_path / "none", no_wsl) is None
