"""Libraries that a user names, by option or environment variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput, Unsupported
from mobilebench.engines import libraries
from mobilebench.engines.libraries import given
from tests.engines.libraries.fakes import aar, elf, sha256, zipped
from tests.pinning import Pinned

HOST = libraries.host_build()
HERE = HOST.partition("-")[2]
PHONE = "android-arm64-v8a"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in given.NAMES:
        monkeypatch.delenv(given.variable(name), raising=False)
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))


def written(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("abi", ["x86_64", "aarch64", "arm64-v8a", "armeabi-v7a", "x86"])
@pytest.mark.parametrize("android", [True, False])
def test_a_header_names_processor_and_family(tmp_path: Path, abi: str, android: bool) -> None:
    found = given.read_elf(written(tmp_path / "lib.so", elf(abi, android=android)))
    assert found is not None
    assert (found.machine, found.family) == (given.ABIS[abi], "android" if android else "linux")
    assert found.fits(f"{found.family}-{abi}")
    assert not found.fits(f"{found.family}-riscv64")


@pytest.mark.parametrize("cut", range(0, 130, 7))
@pytest.mark.parametrize("abi", ["arm64-v8a", "armeabi-v7a"])
def test_a_cut_header_is_no_crash(tmp_path: Path, cut: int, abi: str) -> None:
    found = given.read_elf(written(tmp_path / "lib.so", elf(abi, android=True)[:cut]))
    assert found is None or found.machine == given.ABIS[abi]


def test_a_library_for_this_computer_is_known_by_its_checksum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = written(tmp_path / "mine.so", elf(HERE))
    monkeypatch.setenv("MOBILEBENCH_TFLITE_LIBRARY", str(mine))
    assert libraries.missing_reason("tflite", HOST) is None
    found = libraries.library("tflite", HOST)
    assert (found.path, found.sha256) == (mine.resolve(), sha256(elf(HERE)))
    assert (found.version, found.licence, found.coordinate) == (None, None, None)
    assert found.origin == "MOBILEBENCH_TFLITE_LIBRARY mine.so"


def test_the_option_comes_before_the_variable_and_ends_with_its_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (written(tmp_path / f"{name}.so", elf(HERE) + name.encode()) for name in ("env", "option"))
    monkeypatch.setenv("MOBILEBENCH_ONNXRUNTIME_LIBRARY", str(first))
    with libraries.using([f"onnxruntime={second}"]):
        assert libraries.library("onnxruntime", HOST).path == second
    assert libraries.library("onnxruntime", HOST).path == first


def test_an_archive_gives_every_phone_its_library_and_leaves_this_computer_alone(tmp_path: Path) -> None:
    archive = aar(tmp_path / "onnxruntime.aar")
    with libraries.using([f"onnxruntime={archive}"]):
        for abi in ("arm64-v8a", "x86_64"):
            found = libraries.libraries_for("onnxruntime", "qnn", f"android-{abi}").core
            assert found.path.read_bytes() == elf(abi, android=True)
            assert found.origin == "--engine-library onnxruntime.aar"
        assert libraries.library("onnxruntime", HOST).coordinate is not None
    assert not list(tmp_path.rglob("outside"))


def test_a_library_unpacked_before_is_made_whole_again(tmp_path: Path) -> None:
    archive = aar(tmp_path / "onnxruntime.aar")
    with libraries.using([f"onnxruntime={archive}"]):
        path = libraries.library("onnxruntime", PHONE).path
        path.write_bytes(b"cut")
        assert libraries.library("onnxruntime", PHONE).path.read_bytes() == elf("arm64-v8a", android=True)


def test_a_file_for_phones_and_one_for_this_computer_go_together(tmp_path: Path) -> None:
    phone = written(tmp_path / "phone.so", elf("arm64-v8a", android=True))
    computer = written(tmp_path / "computer.so", elf(HERE))
    with libraries.using([f"onnxruntime={phone}", f"onnxruntime={computer}"]):
        assert libraries.library("onnxruntime", PHONE).path == phone
        assert libraries.library("onnxruntime", HOST).path == computer


def test_a_core_of_another_version_than_its_delegate_is_noted(tmp_path: Path) -> None:
    core = aar(tmp_path / "tflite.aar", name="libtensorflowlite_jni.so")
    delegate = aar(tmp_path / "gpu.aar", name="libtensorflowlite_gpu_jni.so")
    with libraries.using([f"tflite={core}", f"tflite-gpu={delegate}"]):
        found = libraries.libraries_for("tflite", "gpu", PHONE)
        assert found.delegate is not None
        assert found.delegate.path.name == "libtensorflowlite_gpu_jni.so"
        assert libraries.libraries_for("tflite", "cpu", PHONE).delegate is None


def test_a_core_without_the_delegate_that_the_backend_is_in_is_unsupported(tmp_path: Path) -> None:
    core = written(tmp_path / "mine.so", elf(HERE))
    with libraries.using([f"tflite={core}"]), pytest.raises(Unsupported, match="--engine-library tflite-gpu=FILE"):
        libraries.libraries_for("tflite", "gpu", HOST)


@pytest.mark.parametrize("option", ["onnxruntime", "onnxruntime=", "=x.so", "tfjs=x.so", ""])
def test_an_option_that_is_no_pair_is_bad_input(option: str, pinned: Pinned) -> None:
    with pinned.raises(BadInput), libraries.using([option]):
        pass


@pytest.mark.parametrize(
    "content",
    [None, b"", b"#!/bin/sh\n"],
)
def test_a_file_that_is_no_library_is_bad_input_at_once(tmp_path: Path, content: bytes | None, pinned: Pinned) -> None:
    path = tmp_path / "mine.so"
    if content is not None:
        path.write_bytes(content)
    with pinned.raises(BadInput), libraries.using([f"onnxruntime={path}"]):
        pass


def test_a_folder_is_bad_input(tmp_path: Path, pinned: Pinned) -> None:
    with pinned.raises(BadInput), libraries.using([f"onnxruntime={tmp_path}"]):
        pass


@pytest.mark.parametrize("content", [None, b"", b"#!/bin/sh\nexit 0\n"])
def test_a_variable_that_names_no_library_is_bad_input_and_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, pinned: Pinned
) -> None:
    path = tmp_path / "mine.so"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("MOBILEBENCH_ONNXRUNTIME_LIBRARY", str(path))
    with pinned.raises(BadInput):
        libraries.library("onnxruntime", HOST)


def test_a_library_of_another_processor_is_bad_input(tmp_path: Path, pinned: Pinned) -> None:
    other = written(tmp_path / "other.so", elf("armeabi-v7a", android=True))
    with (
        libraries.using([f"onnxruntime={other}"]),
        pinned.raises(BadInput),
    ):
        libraries.library("onnxruntime", PHONE)


def test_an_archive_without_the_processor_is_bad_input(tmp_path: Path, pinned: Pinned) -> None:
    archive = aar(tmp_path / "onnxruntime.aar", abis=("x86", "x86_64"))
    with (
        libraries.using([f"onnxruntime={archive}"]),
        pinned.raises(BadInput),
    ):
        libraries.library("onnxruntime", PHONE)


def test_an_archive_of_another_engine_is_bad_input(tmp_path: Path, pinned: Pinned) -> None:
    archive = aar(tmp_path / "tflite.aar", name="libtensorflowlite_jni.so")
    with libraries.using([f"onnxruntime={archive}"]), pinned.raises(BadInput):
        libraries.library("onnxruntime", PHONE)


def test_an_archive_that_lies_about_its_processor_is_bad_input(tmp_path: Path, pinned: Pinned) -> None:
    archive = zipped(tmp_path / "o.aar", {"jni/arm64-v8a/libonnxruntime.so": elf("x86_64", android=True)})
    with libraries.using([f"onnxruntime={archive}"]), pinned.raises(BadInput):
        libraries.library("onnxruntime", PHONE)


def test_a_cache_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    archive = aar(tmp_path / "onnxruntime.aar")
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "libraries").write_text("a file where a folder should be")
    with libraries.using([f"onnxruntime={archive}"]), pytest.raises(BadInput, match="cannot be unpacked to"):
        libraries.library("onnxruntime", PHONE)


def test_a_truncated_archive_is_bad_input(tmp_path: Path, pinned: Pinned) -> None:
    whole = aar(tmp_path / "onnxruntime.aar").read_bytes()
    cut = written(tmp_path / "cut.aar", whole[: len(whole) // 2])
    with libraries.using([f"onnxruntime={cut}"]), pinned.raises(BadInput):
        libraries.library("onnxruntime", PHONE)


def test_a_file_that_no_target_could_use_is_not_passed_over(tmp_path: Path, pinned: Pinned) -> None:
    archive = aar(tmp_path / "onnxruntime.aar")
    with libraries.using([f"onnxruntime={archive}"]):
        libraries.require_use([HOST, PHONE])
        with pinned.raises(BadInput):
            libraries.require_use([HOST])
    libraries.require_use([HOST])
