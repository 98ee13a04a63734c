"""Where engine libraries come from, and that nothing but the pinned bytes is ever used."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from pathlib import Path

import pytest
import yaml

from mobilebench.engines import libraries
from mobilebench.errors import BadInput, Unsupported

ELF_X86_64 = b"\x7fELF" + bytes(14) + (62).to_bytes(2, "little")
MEMBER = "org/engine/libengine.so"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for engine in libraries.ENGINES:
        monkeypatch.delenv(f"MOBILEBENCH_{engine.upper()}_LIBRARY", raising=False)
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def maven(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A client of that name that does what `script` says, with OUT as the folder that it is told."""
    folder.mkdir(exist_ok=True)
    client = folder / "mvn"
    client.write_text(
        "#!/bin/sh\nfor word; do case $word in -DoutputDirectory=*) OUT=${word#*=};; esac; done\n" + script + "\n"
    )
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def pin(monkeypatch: pytest.MonkeyPatch, library: bytes, archive: bytes, member: str = MEMBER) -> None:
    entry = libraries.Pin(
        coordinate="org.engine:engine:1.0:jar:linux-x86_64",
        version="1.0",
        archive_sha256=sha256(archive),
        member=member,
        sha256=sha256(library),
        licence="Apache-2.0",
        checked="by this test",
    )
    monkeypatch.setattr(libraries, "_lock", lambda: {"tflite": {"linux-x86_64": entry}})


def packed(tmp_path: Path, library: bytes, member: str = MEMBER) -> Path:
    archive = tmp_path / "engine.zip"
    with zipfile.ZipFile(archive, "w") as packing:
        packing.writestr(member, library)
        packing.writestr("../../outside", b"must never be written")
    return archive


def test_the_lock_file_is_whole() -> None:
    lock = yaml.safe_load(Path(libraries.__file__).with_name("libraries.lock.yaml").read_text())
    assert set(lock) == {"tflite"}
    for build, entry in lock["tflite"].items():
        assert build.startswith(("linux-", "android-"))
        checked = libraries.Pin.model_validate(entry)
        assert re.fullmatch(r"[\w.]+:[\w-]+:[\w.-]+:jar:[\w-]+", checked.coordinate)
        assert re.fullmatch(r"[0-9a-f]{64}", checked.sha256)
        assert re.fullmatch(r"[0-9a-f]{64}", checked.archive_sha256)
        assert checked.licence == "Apache-2.0"


def test_a_build_without_a_library_is_unsupported_with_its_reason() -> None:
    assert libraries.missing_reason("tflite", "android-riscv64") == (
        "no library of `tflite` is pinned for android-riscv64"
    )
    with pytest.raises(Unsupported, match="No library of `tflite` is pinned for android-riscv64") as caught:
        libraries.library("tflite", "android-riscv64")
    assert "MOBILEBENCH_TFLITE_LIBRARY" in (caught.value.hint or "")
    assert "holds a library for" in (libraries.missing_reason("onnxruntime", "android-arm64-v8a") or "")


def test_fetched_once_and_only_the_member_leaves_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    archive = packed(tmp_path, ELF_X86_64)
    pin(monkeypatch, ELF_X86_64, archive.read_bytes())
    maven(tmp_path / "bin", monkeypatch, f'echo once >> {tmp_path}/calls; cp {archive} "$OUT/engine.jar"')
    first = libraries.library("tflite", "linux-x86_64")
    second = libraries.library("tflite", "linux-x86_64")
    assert first == second
    assert first.path.read_bytes() == ELF_X86_64
    assert first.sha256 == sha256(ELF_X86_64)
    assert (tmp_path / "calls").read_text() == "once\n"
    assert not (tmp_path / "outside").exists()
    assert sorted(file.name for file in (own_cache / "libraries").rglob("*") if file.is_file()) == ["libengine.so"]


def test_a_truncated_library_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(tmp_path, ELF_X86_64)
    pin(monkeypatch, ELF_X86_64, archive.read_bytes())
    maven(tmp_path / "bin", monkeypatch, f'cp {archive} "$OUT/engine.jar"')
    path = libraries.library("tflite", "linux-x86_64").path
    path.write_bytes(ELF_X86_64[:7])
    assert libraries.library("tflite", "linux-x86_64").path.read_bytes() == ELF_X86_64


@pytest.mark.parametrize("what", ["archive", "library"])
def test_other_bytes_than_the_pinned_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path, what: str
) -> None:
    archive = packed(tmp_path, ELF_X86_64)
    pinned = archive.read_bytes() if what == "library" else b"another archive"
    pin(monkeypatch, b"another library", pinned)
    maven(tmp_path / "bin", monkeypatch, f'cp {archive} "$OUT/engine.jar"')
    with pytest.raises(BadInput, match="its checksum differs"):
        libraries.library("tflite", "linux-x86_64")
    assert [file for file in own_cache.rglob("*") if file.is_file()] == []


def test_an_archive_without_the_member_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(tmp_path, ELF_X86_64)
    pin(monkeypatch, ELF_X86_64, archive.read_bytes(), member="org/engine/absent.so")
    maven(tmp_path / "bin", monkeypatch, f'cp {archive} "$OUT/engine.jar"')
    with pytest.raises(BadInput, match="does not hold"):
        libraries.library("tflite", "linux-x86_64")


def test_without_maven_the_next_step_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, b"", b"")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="not installed") as caught:
        libraries.library("tflite", "linux-x86_64")
    assert "apt-get install maven" in (caught.value.hint or "")


def test_offline_the_clients_own_words_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin(monkeypatch, b"", b"")
    maven(tmp_path / "bin", monkeypatch, 'echo "[ERROR] Unknown host example.invalid." ; exit 1')
    with pytest.raises(BadInput, match=r"could not be fetched: Unknown host example\.invalid\.$") as caught:
        libraries.library("tflite", "linux-x86_64")
    assert "network" in (caught.value.hint or "")


def test_a_library_given_by_the_environment_is_known_by_its_checksum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "mine.so"
    given.write_bytes(ELF_X86_64)
    monkeypatch.setenv("MOBILEBENCH_TFLITE_LIBRARY", str(given))
    assert libraries.missing_reason("tflite", "linux-x86_64") is None
    found = libraries.library("tflite", "linux-x86_64")
    assert (found.path, found.sha256) == (given.resolve(), sha256(ELF_X86_64))
    assert found.origin == "MOBILEBENCH_TFLITE_LIBRARY=mine.so"


@pytest.mark.parametrize(
    ("content", "build", "words"),
    [
        (None, "linux-x86_64", "cannot be read"),
        (b"", "linux-x86_64", "not a shared library for linux-x86_64"),
        (b"#!/bin/sh\nexit 0\n", "linux-x86_64", "not a shared library for linux-x86_64"),
        (ELF_X86_64, "linux-aarch64", "not a shared library for linux-aarch64"),
    ],
)
def test_a_wrong_library_given_by_the_environment_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, build: str, words: str
) -> None:
    given = tmp_path / "mine.so"
    if content is not None:
        given.write_bytes(content)
    monkeypatch.setenv("MOBILEBENCH_ONNXRUNTIME_LIBRARY", str(given))
    with pytest.raises(BadInput, match=words):
        libraries.library("onnxruntime", build)


def test_onnxruntime_is_the_installed_packages_library() -> None:
    found = libraries.library("onnxruntime", libraries.host_build())
    assert found.path.name.startswith("libonnxruntime.so.")
    assert found.origin.startswith("package onnxruntime ")


@pytest.mark.real
def test_every_library_of_this_computer_can_be_had(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MOBILEBENCH_CACHE")
    assert libraries.main() == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == list(libraries.ENGINES)
    assert all(Path(line.partition(": ")[2].rpartition(" (")[0]).is_file() for line in said)


def test_main_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOBILEBENCH_TFLITE_LIBRARY", str(tmp_path / "absent.so"))
    assert libraries.main() == 2
    assert "absent.so, cannot be read" in capsys.readouterr().err
