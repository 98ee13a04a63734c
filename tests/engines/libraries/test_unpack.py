"""One file out of an archive, and nothing else, whatever the archive says."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.core.errors import BadInput
from mobilebench.engines.libraries import unpack
from tests.engines.libraries.fakes import tgz, zipped
from tests.pinning import Pinned

MEMBER = "jni/arm64-v8a/libengine.so"


def test_the_member_and_nothing_else_is_written(tmp_path: Path) -> None:
    members = {"../outside": b"no", "/tmp/outside": b"no", MEMBER: b"yes"}
    for make, take in ((zipped, unpack.from_zip), (tgz, unpack.from_tgz)):
        folder = tmp_path / take.__name__
        folder.mkdir()
        take(make(tmp_path / "archive", members), MEMBER, folder / "library.so")
        assert [(file.name, file.read_bytes()) for file in folder.iterdir()] == [("library.so", b"yes")]
    assert not (tmp_path / "outside").exists()


def test_a_bomb_is_cut_short(tmp_path: Path, pinned: Pinned) -> None:
    bomb = {MEMBER: bytes(4 * 2**20)}
    with pinned.raises(BadInput):
        unpack.from_zip(zipped(tmp_path / "a.zip", bomb), MEMBER, tmp_path / "out", largest=2**20)
    with pinned.raises(BadInput):
        unpack.from_tgz(tgz(tmp_path / "a.tgz", bomb), MEMBER, tmp_path / "out", largest=2**20)
    before = {"package/huge": bytes(4 * 2**20), MEMBER: b"yes"}
    with pinned.raises(BadInput):
        unpack.from_tgz(tgz(tmp_path / "b.tgz", before), MEMBER, tmp_path / "out", unpacked=2**20)


def test_a_file_too_large_to_be_an_archive_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    archive = zipped(tmp_path / "a.zip", {MEMBER: b"yes"})
    monkeypatch.setattr(unpack, "LARGEST_ARCHIVE", 10)
    for take in (unpack.from_zip, unpack.from_tgz):
        with pinned.raises(BadInput):
            take(archive, MEMBER, tmp_path / "out")
    with pinned.raises(BadInput):
        unpack.names_in_zip(archive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_member_of_a_tar_that_is_no_file_is_refused(tmp_path: Path, kind: bytes, pinned: Pinned) -> None:
    archive = tmp_path / "a.tgz"
    with tarfile.open(archive, "w:gz") as packing:
        entry = tarfile.TarInfo(MEMBER)
        entry.type = kind
        entry.linkname = "/etc/passwd"
        packing.addfile(entry, io.BytesIO())
    with pinned.raises(BadInput):
        unpack.from_tgz(archive, MEMBER, tmp_path / "out")


def test_a_member_of_a_zip_that_is_a_link_is_refused(tmp_path: Path, pinned: Pinned) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as packing:
        entry = zipfile.ZipInfo(MEMBER)
        entry.external_attr = 0o120777 << 16
        packing.writestr(entry, "/etc/passwd")
    with pinned.raises(BadInput):
        unpack.from_zip(archive, MEMBER, tmp_path / "out")


def test_a_member_that_is_missing_is_named(tmp_path: Path, pinned: Pinned) -> None:
    for make, take in ((zipped, unpack.from_zip), (tgz, unpack.from_tgz)):
        with pinned.raises(BadInput):
            take(make(tmp_path / "archive", {"other": b""}), MEMBER, tmp_path / "out")


@settings(max_examples=60, deadline=None)
@given(st.data())
@pytest.mark.slow
def test_a_damaged_archive_is_bad_input_or_gives_the_member(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    for make, take in ((zipped, unpack.from_zip), (tgz, unpack.from_tgz)):
        raw = bytearray(make(folder / "archive", {MEMBER: b"yes" * 50}).read_bytes())
        for _ in range(data.draw(st.integers(0, 3))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        damaged = folder / "damaged"
        damaged.write_bytes(bytes(raw[: data.draw(st.integers(0, len(raw)))]))
        try:
            take(damaged, MEMBER, folder / "out")
        except BadInput:
            continue
        assert (folder / "out").read_bytes()
