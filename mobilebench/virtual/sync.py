"""The service `sync:`, which transfers files to and from the phone."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass

from mobilebench.virtual.adb_transport import Buffered, Stream

_REQUEST = struct.Struct("<4sI")
_STAT = struct.Struct("<4sIII")
_STAT2 = struct.Struct("<4sIQQIIIIQqqq")
_DENT = struct.Struct("<4sIIII")
_DENT2 = struct.Struct("<4sIQQIIIIQqqqI")
_DATA_MAX = 64 * 1024
_PATH_MAX = 1024
_REPLY_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Storage:
    """Location and size limit of the phone's files."""

    path: Callable[[str], str]
    """Converts a path on the phone to one of this process."""
    room: Callable[[str], int | None]
    """Bytes that may still be written at a path, or None if only the file system limits them."""


class _Refused(Exception):
    """A refused request, which adb shows as `remote …`."""


async def serve(stream: Stream, storage: Storage) -> None:
    """Answer requests until the client quits."""
    source = Buffered(stream)
    while True:
        request, length = _REQUEST.unpack(await source.exactly(_REQUEST.size))
        if request == b"QUIT":
            return
        if length > _PATH_MAX:
            await stream.write(_fail("path too long"))
            return
        path = os.fsdecode(await source.exactly(length))
        if request == b"SEND":
            await _receive(stream, source, storage, path)
        elif request == b"RECV":
            await _send(stream, storage.path(path))
        elif request == b"STAT":
            await stream.write(_stat(storage.path(path)))
        elif request in {b"STA2", b"LST2"}:
            await stream.write(_STAT2.pack(request, *_stat2(storage.path(path), follow=request == b"STA2")))
        elif request in {b"LIST", b"LIS2"}:
            await stream.write(_list(storage.path(path), detailed=request == b"LIS2"))
        else:
            await stream.write(_fail(f"unknown request {request!r}"))
            return


def _fail(message: str) -> bytes:
    text = message.encode("utf-8", "surrogateescape")
    return _REQUEST.pack(b"FAIL", len(text)) + text


def _stat(path: str) -> bytes:
    try:
        facts = os.lstat(path)
    except OSError:
        return _STAT.pack(b"STAT", 0, 0, 0)
    return _STAT.pack(b"STAT", facts.st_mode, min(facts.st_size, 0xFFFFFFFF), int(facts.st_mtime) & 0xFFFFFFFF)


def _stat2(path: str, *, follow: bool) -> tuple[int, ...]:
    try:
        facts = os.stat(path, follow_symlinks=follow)  # noqa: PTH116
    except OSError as error:
        return (error.errno or 0, *[0] * 10)
    return (
        0,
        facts.st_dev & 0xFFFFFFFFFFFFFFFF,
        facts.st_ino,
        facts.st_mode,
        facts.st_nlink,
        facts.st_uid,
        facts.st_gid,
        facts.st_size,
        int(facts.st_atime),
        int(facts.st_mtime),
        int(facts.st_ctime),
    )


def _list(path: str, *, detailed: bool) -> bytes:
    entries = []
    with contextlib.suppress(OSError), os.scandir(path) as found:
        for entry in found:
            name = os.fsencode(entry.name)
            if detailed:
                entries.append(_DENT2.pack(b"DNT2", *_stat2(entry.path, follow=False), len(name)) + name)
            else:
                _, mode, size, mtime = _STAT.unpack(_stat(entry.path))
                entries.append(_DENT.pack(b"DENT", mode, size, mtime, len(name)) + name)
    end = _DENT2.pack(b"DONE", *[0] * 12) if detailed else _DENT.pack(b"DONE", 0, 0, 0, 0)
    return b"".join(entries) + end


async def _send(stream: Stream, path: str) -> None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                file.seek(0)
            pieces: list[bytes] = []
            waiting = 0
            while data := file.read(_DATA_MAX):
                pieces += (_REQUEST.pack(b"DATA", len(data)), data)
                waiting += len(data)
                if waiting >= _REPLY_AT_ONCE - 2 * _DATA_MAX:
                    await stream.write(b"".join(pieces))
                    pieces, waiting = [], 0
            pieces.append(_REQUEST.pack(b"DONE", 0))
            await stream.write(b"".join(pieces))
    except ConnectionError:
        raise
    except OSError as error:
        await stream.write(_fail(f"open failed: {error.strerror}"))


async def _receive(stream: Stream, source: Buffered, storage: Storage, request: str) -> None:
    """Receive one pushed file. If it cannot be stored, report this at once, then read and drop the rest."""
    incoming: _Incoming | None = None
    try:
        try:
            incoming = _incoming(storage, request)
        except (_Refused, OSError) as error:
            await stream.write(_fail(_told(error, "couldn't create file")))
        while True:
            kind, length = _REQUEST.unpack(await source.exactly(_REQUEST.size))
            if kind == b"DONE":
                break
            if kind != b"DATA" or length > _DATA_MAX:
                raise ConnectionError("not a piece of a file")
            data = await source.exactly(length)
            try:
                if incoming is not None:
                    incoming.write(data)
            except OSError as error:
                _drop(incoming)
                incoming = None
                await stream.write(_fail(_told(error, "write failed")))
        if incoming is not None:
            try:
                incoming.finish(mtime=length)
                incoming = None
                await stream.write(_REQUEST.pack(b"OKAY", 0))
            except OSError as error:
                _drop(incoming)
                incoming = None
                await stream.write(_fail(_told(error, "write failed")))
    finally:
        _drop(incoming)


def _incoming(storage: Storage, request: str) -> _Incoming:
    name, comma, mode = request.rpartition(",")
    if not comma or not mode.isdigit():
        raise _Refused(f"malformed path {request!r}")
    return _Incoming(storage, name, int(mode))


def _drop(incoming: _Incoming | None) -> None:
    if incoming is not None:
        incoming.discard()


def _told(error: _Refused | OSError, what: str) -> str:
    return f"{what}: {error.strerror}" if isinstance(error, OSError) else str(error)


class _Incoming:
    """A file, or a symbolic link, that is being pushed."""

    def __init__(self, storage: Storage, name: str, mode: int) -> None:
        self._path = storage.path(name)
        self._room = storage.room(name)
        self._link = stat.S_ISLNK(mode)
        self._target = b""
        self._file: int | None = None
        folder = os.path.dirname(self._path)  # noqa: PTH120
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
        if stat.S_ISDIR(mode) or os.path.isdir(self._path):  # noqa: PTH112
            raise IsADirectoryError(21, "Is a directory")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)  # noqa: PTH108
        if not self._link:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            # Android gives group and others the owner's permissions
            owner = mode & 0o700
            os.fchmod(self._file, owner | owner >> 3 | owner >> 6 if mode & 0o777 else 0o644)

    def write(self, data: bytes) -> None:
        if self._file is None:
            self._target += data
            return
        if self._room is not None:
            self._room -= len(data)
            if self._room < 0:
                raise OSError(28, "No space left on device")
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def finish(self, mtime: int) -> None:
        if self._file is None:
            os.symlink(self._target.rstrip(b"\0"), os.fsencode(self._path))  # noqa: PTH211
        else:
            os.utime(self._file, (mtime, mtime))
            os.close(self._file)
            self._file = None

    def discard(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        with contextlib.suppress(OSError):
            os.unlink(self._path)  # noqa: PTH108
