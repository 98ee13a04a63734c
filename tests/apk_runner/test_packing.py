"""The parts of a build that need no tools: the compiled manifest, zip files, pinned archives."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from apk_runner import archives
from apk_runner.packing import __main__ as command
from apk_runner.packing import binary_manifest, zips
from apk_runner.packing.facts import apk, facts
from mobilebench.core import paths
from mobilebench.core.errors import BadInput, Unsupported

ATTRIBUTE = binary_manifest.FOREGROUND_SERVICE_TYPE


def compiled(*values: tuple[int, int, int], ids: tuple[int, ...] = (0x01010003, ATTRIBUTE)) -> bytes:
    """A compiled XML with one element, whose attributes are (index of the name, type, value)."""
    numbers = struct.pack(f"<HHI{len(ids)}I", 0x0180, 8, 8 + 4 * len(ids), *ids)
    attributes = b"".join(
        struct.pack("<IIIHBBI", 0, name, 0xFFFFFFFF, 8, 0, kind, value) for name, kind, value in values
    )
    extension = struct.pack("<IIHHHHHH", 0xFFFFFFFF, 0, 20, 20, len(values), 0, 0, 0)
    element = struct.pack("<HHIII", 0x0102, 16, 16 + len(extension) + len(attributes), 1, 0xFFFFFFFF)
    body = numbers + element + extension + attributes
    return struct.pack("<HHI", 0x0003, 8, 8 + len(body)) + body


def test_only_the_value_of_the_attribute_is_changed() -> None:
    before = compiled((0, 0x11, 1), (1, 0x11, 1))
    after = binary_manifest.with_value(before, ATTRIBUTE, 1, 0x40000000)
    assert after == compiled((0, 0x11, 1), (1, 0x11, 0x40000000))


@pytest.mark.parametrize(
    "xml",
    [
        compiled((0, 0x11, 1)),
        compiled((1, 0x11, 2)),
        compiled((1, 0x10, 1)),
        compiled((1, 0x11, 1), (1, 0x11, 1)),
    ],
    ids=["no such attribute", "another value", "no flags", "two of them"],
)
def test_anything_but_one_such_attribute_is_refused(xml: bytes) -> None:
    with pytest.raises(ValueError, match="not exactly one"):
        binary_manifest.with_value(xml, ATTRIBUTE, 1, 2)


def test_other_files_are_refused() -> None:
    whole = compiled((1, 0x11, 1))
    for xml in (b"<manifest/>", whole[:-1], whole + b"\0"):
        with pytest.raises(ValueError, match="no compiled XML"):
            binary_manifest.with_value(xml, ATTRIBUTE, 1, 2)
    damaged = bytearray(whole)
    struct.pack_into("<I", damaged, 12, 0)
    with pytest.raises(ValueError, match="damaged"):
        binary_manifest.with_value(bytes(damaged), ATTRIBUTE, 1, 2)


def test_a_zip_depends_on_its_content_alone(tmp_path: Path) -> None:
    one, other = tmp_path / "one.zip", tmp_path / "other.zip"
    zips.write(one, {"b": b"2" * 100, "a": b"1"})
    zips.write(other, {"a": b"1", "b": b"2" * 100})
    assert one.read_bytes() == other.read_bytes()
    assert [entry.name for entry in zips.entries(one)] == ["a", "b"]


def stored(file: Path, name: str, offset: int) -> None:
    """A zip with one uncompressed file, whose data begin at `offset`."""
    entry = zipfile.ZipInfo(name)
    room = offset - 30 - len(name)
    entry.extra = struct.pack("<HH", 0xD935, room - 4) + bytes(room - 4)
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(entry, b"x" * 10, zipfile.ZIP_STORED)


@pytest.mark.parametrize(
    ("name", "offset", "found"),
    [("lib/a.so", 16384, []), ("lib/a.so", 4096, ["lib/a.so"]), ("res/a.txt", 4096, [])],
)
def test_a_stored_library_off_a_page_is_found(tmp_path: Path, name: str, offset: int, found: list[str]) -> None:
    file = tmp_path / "some.apk"
    stored(file, name, offset)
    (entry,) = zips.entries(file)
    assert entry.offset == offset
    assert entry.is_stored
    assert zips.misaligned(file, 16384) == found


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> archives.Archive:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    return archives.Archive(
        maven="org.example:thing:1.0:jar",
        licence="MIT",
        sha256="2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
    )


def put_client(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    client = folder / "bin" / "mvn"
    client.parent.mkdir()
    find_target = "for word; do case $word in -DoutputDirectory=*) to=${word#*=};; esac; done"
    client.write_text(f"#!/bin/sh\n{find_target}\n{script}\n")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:/usr/bin:/bin")


def test_an_archive_is_fetched_once(tmp_path: Path, archive: archives.Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    put_client(tmp_path, monkeypatch, f'echo >>{tmp_path}/calls; mkdir "$to"; printf x >"$to/thing-1.0.jar"')
    (path,) = archives.fetched([archive])
    assert path.read_bytes() == b"x"
    assert path.is_relative_to(paths.cache())
    assert archives.fetched([archive]) == [path]
    assert (tmp_path / "calls").read_text() == "\n"


def test_a_damaged_archive_is_fetched_again(
    tmp_path: Path, archive: archives.Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_client(tmp_path, monkeypatch, 'mkdir "$to"; printf x >"$to/thing-1.0.jar"')
    archive.path.parent.mkdir(parents=True)
    archive.path.write_text("cut")
    assert archives.fetched([archive])[0].read_bytes() == b"x"


def test_other_bytes_are_refused(tmp_path: Path, archive: archives.Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    put_client(tmp_path, monkeypatch, 'mkdir "$to"; printf y >"$to/thing-1.0.jar"')
    with pytest.raises(BadInput, match=r"org\.example:thing:1.0:jar is not the pinned file"):
        archives.fetched([archive])
    assert not archive.path.exists()


def test_the_clients_reason_is_passed_on(
    tmp_path: Path, archive: archives.Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_client(tmp_path, monkeypatch, "echo '[ERROR] Could not find artifact'; exit 1")
    with pytest.raises(Unsupported, match=r"thing:1.0:jar could not be fetched: Could not find artifact\."):
        archives.fetched([archive])


def test_a_missing_client_is_said(archive: archives.Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Unsupported, match="`mvn` is not installed"):
        archives.fetched([archive])


def test_the_lock_file_names_no_archive_twice() -> None:
    listed = [archive.maven for group in archives.lock().values() for archive in group]
    assert len(listed) == len(set(listed))
    assert set(archives.lock()) == {"json", "onnxruntime", "junit", "d8", "android", "robolectric"}


def test_only_the_whole_apk_without_engines_lies_where_the_wheel_takes_it_from() -> None:
    abis = list(facts().abis)
    assert command._place([], abis) == apk()
    assert command._place(["tflite"], abis) == Path("dist/mobilebench-tflite-arm64-v8a-armeabi-v7a-x86_64.apk")
    assert command._place([], ["x86_64"]) == Path("dist/mobilebench-x86_64.apk")
