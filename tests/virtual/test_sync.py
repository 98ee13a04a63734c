"""The service `sync:` without a phone: every request, and every way in which one fails."""

from __future__ import annotations

import asyncio
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from mobilebench.virtual import sync
from mobilebench.virtual.adb_transport import StreamClosed

REGULAR = stat.S_IFREG | 0o640
DRY_RUN = 1 << 31


class Client:
    """A stream whose other side has sent these bytes and then closed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.answer = b""

    async def read(self) -> bytes:
        data, self._data = self._data[:1000], self._data[1000:]
        return data

    async def write(self, data: bytes) -> None:
        self.answer += data


Ask = Callable[..., bytes]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """Sends requests to the service of a phone whose files lie in `tmp_path`; returns its answers."""

    def asked(*requests: bytes, room: int | None = None, features: frozenset[str] | None = None) -> bytes:
        client = Client(b"".join(requests))
        storage = sync.Storage(lambda path: f"{tmp_path}{path}", lambda _: room)
        options = {} if features is None else {"features": features}
        try:
            asyncio.run(sync.serve(client, storage, **options))  # type: ignore[arg-type]
        except StreamClosed:
            client.answer += b"|cut"
        return client.answer

    return asked


def request(word: bytes, argument: str | bytes = b"", tail: bytes = b"") -> bytes:
    text = argument.encode() if isinstance(argument, str) else argument
    return word + struct.pack("<I", len(text)) + text + tail


def contents(*pieces: bytes, mtime: int = 1_700_000_000) -> bytes:
    return b"".join(request(b"DATA", piece) for piece in pieces) + b"DONE" + struct.pack("<I", mtime)


def send(path: str, *pieces: bytes, mode: int = REGULAR) -> bytes:
    return request(b"SEND", f"{path},{mode}") + contents(*pieces)


def send2(path: str, *pieces: bytes, mode: int = REGULAR, flags: int = 0) -> bytes:
    return request(b"SND2", path, b"SND2" + struct.pack("<2I", mode, flags)) + contents(*pieces)


def receive2(path: str, flags: int = 0) -> bytes:
    return request(b"RCV2", path, b"RCV2" + struct.pack("<I", flags))


QUIT = b"QUIT\0\0\0\0"
OKAY = b"OKAY\0\0\0\0"


def failed(message: str) -> bytes:
    return request(b"FAIL", message)


@pytest.mark.parametrize("how", [send, send2])
def test_a_pushed_file_has_its_bytes_its_time_and_the_owners_permissions(
    ask: Ask, tmp_path: Path, how: Callable[..., bytes]
) -> None:
    assert ask(how("/new/folder/file", b"one ", b"two"), QUIT) == OKAY
    file = tmp_path / "new/folder/file"
    assert file.read_bytes() == b"one two"
    assert file.stat().st_mtime == 1_700_000_000
    assert stat.S_IMODE(file.stat().st_mode) == 0o666
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o775


def test_many_files_pass_through_one_service(ask: Ask, tmp_path: Path) -> None:
    assert ask(*(send(f"/many/{n}", b"%d" % n) for n in range(300)), QUIT) == OKAY * 300
    assert {file.name: file.read_bytes() for file in (tmp_path / "many").iterdir()} == {
        str(n): b"%d" % n for n in range(300)
    }


def test_a_file_comes_back_in_pieces(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 65536 + b"y")
    whole = request(b"DATA", b"x" * 65536) + request(b"DATA", b"y") + b"DONE\0\0\0\0"
    assert ask(request(b"RECV", "/file"), receive2("/file"), QUIT) == whole * 2


def test_links_are_pushed_replaced_and_followed(ask: Ask, tmp_path: Path) -> None:
    assert ask(send("/link", b"target\0", mode=stat.S_IFLNK | 0o777), QUIT) == OKAY
    link = tmp_path / "link"
    assert os.readlink(link) == "target"
    assert link.lstat().st_mtime == 1_700_000_000
    assert ask(send("/link", b"other", mode=stat.S_IFLNK | 0o777), QUIT) == OKAY
    assert os.readlink(link) == "other"
    assert ask(send("/link", b"x"), QUIT) == failed("couldn't create file: No such file or directory")
    (tmp_path / "other").touch()
    assert ask(send("/link", b"through the link"), QUIT) == OKAY
    assert link.is_symlink() and (tmp_path / "other").read_bytes() == b"through the link"


def test_facts_of_files_in_both_versions(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    os.utime(file, (5, 7))
    (tmp_path / "link").symlink_to("file")
    facts = file.stat()
    assert ask(request(b"STAT", "/file"), QUIT) == b"STAT" + struct.pack("<3I", facts.st_mode, 5, 7)
    assert ask(request(b"STAT", "/none"), QUIT) == b"STAT" + bytes(12)
    one = struct.unpack("<4sIQQIIIIQqqq", ask(request(b"STA2", "/link"), QUIT))
    assert (one[0], one[1], one[3], one[4], one[8], one[10]) == (b"STA2", 0, facts.st_ino, facts.st_mode, 5, 7)
    two = struct.unpack("<4sIQQIIIIQqqq", ask(request(b"LST2", "/link"), QUIT))
    assert stat.S_ISLNK(two[4]) and two[8] == 4
    for path, error in (("/none", 2), ("/file/below", 20), ("/" + "x" * 300, 36)):
        assert struct.unpack_from("<4sI", ask(request(b"LST2", path), QUIT)) == (b"LST2", error)


def test_folders_are_listed_with_themselves_and_their_parents(ask: Ask, tmp_path: Path) -> None:
    for name in ("a", "grüße", "with space"):
        (tmp_path / name).write_bytes(b"123")
    for word, entry, head in ((b"LIST", b"DENT", "<4sIIII"), (b"LIS2", b"DNT2", "<4sIQQIIIIQqqqI")):
        answer, names = ask(request(word, "/"), QUIT), []
        size = struct.calcsize(head)
        while answer.startswith(entry):
            length = struct.unpack_from(head, answer)[-1]
            names.append(answer[size : size + length].decode())
            answer = answer[size + length :]
        assert sorted(names) == [".", "..", "a", "grüße", "with space"]
        assert answer == b"DONE" + bytes(size - 4)
    assert ask(request(b"LIST", "/none"), QUIT) == b"DONE" + bytes(16)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (request(b"RECV", "/none"), "open failed: No such file or directory"),
        (request(b"RECV", "/folder"), "read failed: Is a directory"),
        (request(b"RECV", "/file/below"), "open failed: Not a directory"),
        (request(b"RECV", "/x" * 600), "path too long"),
        (request(b"STAT", b"/" * 1025), "path too long"),
        (request(b"WHAT", "/file"), "unknown command 54414857"),
        (request(b"SEND", "/no mode"), "missing , in ID_SEND"),
        (send("/folder", b"x"), "couldn't create file: Is a directory"),
        (send("/file/below", b"x"), "couldn't create file: Not a directory"),
        (send("/" + "x" * 300, b"x"), "couldn't create file: File name too long"),
        (send("/loop", b"x"), "couldn't create file: Too many levels of symbolic links"),
        (send("/folder", b"x", mode=stat.S_IFLNK), "symlink failed: File exists"),
        (send2("/new", b"x", flags=1), "unknown flags: 1"),
        (send2("/new", b"x", flags=6), "unknown flags: 6"),
        (receive2("/file", flags=4), "unknown flags: 4"),
        (request(b"SEND", "/new,33188") + b"WHAT\0\0\0\0", "invalid data message"),
        (request(b"SEND", "/new,33188") + b"DATA" + struct.pack("<I", 65537), "oversize data message"),
    ],
)
def test_what_is_refused_is_refused_as_by_adbd_and_ends_the_service(
    ask: Ask, tmp_path: Path, asked: bytes, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "loop").symlink_to("loop")
    assert ask(asked, request(b"STAT", "/file"), QUIT) == failed(message)
    assert {file.name for file in tmp_path.iterdir()} == {"folder", "file", "loop"}


def test_a_full_disk_is_reported_in_mid_push_and_leaves_nothing(ask: Ask, tmp_path: Path) -> None:
    assert ask(send("/file", *[b"x" * 1000] * 50), QUIT, room=10_000) == failed("write failed: No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_push_that_is_cut_leaves_nothing(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before")
    assert ask(send("/file", b"x" * 5000)[:-600]) == b"|cut"
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_and_is_no_file_stays_after_a_failed_push(ask: Ask, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert ask(send("/pipe", b"x"), QUIT) == failed("couldn't create file: No such device or address")
    assert (tmp_path / "pipe").is_fifo()


def test_a_dry_run_stores_nothing(ask: Ask, tmp_path: Path) -> None:
    assert ask(send2("/file", b"x" * 100, flags=DRY_RUN), QUIT) == OKAY
    assert list(tmp_path.iterdir()) == []


def test_an_older_android_does_not_know_the_second_version(ask: Ask) -> None:
    for asked, word in ((request(b"STA2", "/"), "32415453"), (request(b"LIS2", "/"), "3253494c")):
        assert ask(asked, QUIT, features=frozenset()) == failed(f"unknown command {word}")
    assert ask(send2("/file", b"x"), features=frozenset()) == failed("unknown command 32444e53")
    assert ask(send2("/x", b"y", flags=DRY_RUN), features=frozenset({"sendrecv_v2"})) == failed(
        "unknown flags: 2147483648"
    )
