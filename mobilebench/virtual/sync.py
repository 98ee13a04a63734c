"""The service `sync:`, which transfers files to and from the phone, in both versions of its protocol."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass

from mobilebench.virtual.adb_transport import Buffered, Stream

_REQUEST = struct.Struct("<4sI")
_SETUP_SEND = struct.Struct("<4sII")
_SETUP_RECEIVE = struct.Struct("<4sI")
_STAT = struct.Struct("<4sIII")
_STAT2 = struct.Struct("<4sIQQIIIIQqqq")
_DENT = struct.Struct("<4sIIII")
_DENT2 = struct.Struct("<4sIQQIIIIQqqqI")
_DATA_MAX = 64 * 1024
_PATH_MAX = 1024
_REPLY_AT_ONCE = 1 << 20
_DRY_RUN = 1 << 31
_EVERY_FEATURE = frozenset({"stat_v2", "ls_v2", "sendrecv_v2", "sendrecv_v2_dry_run_send"})
_NEEDS = {b"STA2": "stat_v2", b"LST2": "stat_v2", b"LIS2": "ls_v2", b"SND2": "sendrecv_v2", b"RCV2": "sendrecv_v2"}
"""Requests of the second version, and the features of adbd that have them."""


@dataclass(frozen=True)
class Storage:
    """Location and size limit of the phone's files."""

    path: Callable[[str], str]
    """Converts a path on the phone to one of this process."""
    room: Callable[[str], int | None]
    """Bytes that may still be written at a path, or None if only the file system limits them."""


class _Refused(Exception):
    """A refused request, which adb shows as `remote …`; as in adbd, the service ends after it."""


class _NotData(_Refused):
    """What came instead of the next piece of a file; nothing after it can be read."""


async def serve(stream: Stream, storage: Storage, features: frozenset[str] = _EVERY_FEATURE) -> None:
    """Answer requests until the client quits, or one is refused."""
    source = Buffered(stream)
    try:
        while await _answer(stream, source, storage, features):
            pass
    except _Refused as refusal:
        await stream.write(_fail(refusal))


def _fail(refusal: _Refused) -> bytes:
    text = str(refusal).encode("utf-8", "surrogateescape")
    return _REQUEST.pack(b"FAIL", len(text)) + text


async def _answer(stream: Stream, source: Buffered, storage: Storage, features: frozenset[str]) -> bool:
    """Answer one request; False if it was the last one."""
    request, length = _REQUEST.unpack(await source.exactly(_REQUEST.size))
    if request == b"QUIT":
        return False
    if length > _PATH_MAX:
        raise _Refused("path too long")
    path = os.fsdecode((await source.exactly(length)).split(b"\0", 1)[0])
    known = request not in _NEEDS or _NEEDS[request] in features
    match request if known else b"":
        case b"STAT":
            await stream.write(_stat(storage.path(path)))
        case b"STA2" | b"LST2":
            await stream.write(_STAT2.pack(request, *_stat2(storage.path(path), follow=request == b"STA2")))
        case b"LIST" | b"LIS2":
            await stream.write(_list(storage.path(path), detailed=request == b"LIS2"))
        case b"RECV":
            await _send(stream, storage.path(path))
        case b"RCV2":
            _, flags = _SETUP_RECEIVE.unpack(await source.exactly(_SETUP_RECEIVE.size))
            _refuse_flags(flags)
            await _send(stream, storage.path(path))
        case b"SEND":
            name, mode = _name_and_mode(path)
            return await _receive(stream, source, _Incoming(storage, name, mode))
        case b"SND2":
            _, mode, flags = _SETUP_SEND.unpack(await source.exactly(_SETUP_SEND.size))
            dry = bool(flags & _DRY_RUN) and "sendrecv_v2_dry_run_send" in features
            _refuse_flags(flags & ~_DRY_RUN if dry else flags)
            return await _receive(stream, source, _DryRun() if dry else _Incoming(storage, path, mode))
        case _:
            raise _Refused(f"unknown command {int.from_bytes(request, 'little'):08x}")
    return True


def _refuse_flags(flags: int) -> None:
    """Refuse compression, which this phone does not offer, and flags that do not exist."""
    if flags:
        raise _Refused(f"unknown flags: {flags}")


def _name_and_mode(request: str) -> tuple[str, int]:
    name, comma, text = request.rpartition(",")
    if not comma:
        raise _Refused("missing , in ID_SEND")
    try:
        mode = int(text[:16], 8 if text.startswith("0") and text.isdecimal() else 0)
    except ValueError:
        mode = 0  # as `strtoul` in adbd reads it
    return name, mode & 0xFFFFFFFF if mode >= 0 else 0


def _told(error: OSError, what: str) -> _Refused:
    return _Refused(f"{what}: {os.strerror(error.errno) if error.errno else error}")


# Facts of files


def _stat(path: str) -> bytes:
    try:
        facts = os.lstat(path)
    except (OSError, ValueError):
        return _STAT.pack(b"STAT", 0, 0, 0)
    return _STAT.pack(b"STAT", facts.st_mode, facts.st_size & 0xFFFFFFFF, int(facts.st_mtime) & 0xFFFFFFFF)


def _stat2(path: str, *, follow: bool) -> tuple[int, ...]:
    try:
        facts = os.stat(path, follow_symlinks=follow)  # noqa: PTH116
    except OSError as error:
        return (error.errno or errno.EIO, *[0] * 10)
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
    """The entries of a folder, with `.` and `..`; none if it cannot be read."""
    names: list[bytes] = []
    with contextlib.suppress(OSError), os.scandir(os.fsencode(path)) as found:
        names = [b".", b"..", *(entry.name for entry in found)]
    entries = []
    for name in names:
        full = os.fsdecode(os.path.join(os.fsencode(path), name))  # noqa: PTH118
        if detailed:
            entries.append(_DENT2.pack(b"DNT2", *_stat2(full, follow=False), len(name)) + name)
        else:
            _, mode, size, mtime = _STAT.unpack(_stat(full))
            entries.append(_DENT.pack(b"DENT", mode, size, mtime, len(name)) + name)
    end = _DENT2.pack(b"DONE", *[0] * 12) if detailed else _DENT.pack(b"DONE", 0, 0, 0, 0)
    return b"".join(entries) + end


# Contents of files


async def _send(stream: Stream, path: str) -> None:
    """Send a file; a failure before or while it is read ends the service."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _told(error, "open failed") from None
    try:
        pieces: list[bytes] = []
        waiting = 0
        while True:
            try:
                data = os.read(file, _DATA_MAX)
            except OSError as error:
                await stream.write(b"".join(pieces))
                raise _told(error, "read failed") from None
            if not data:
                break
            pieces += (_REQUEST.pack(b"DATA", len(data)), data)
            waiting += len(data)
            if waiting >= _REPLY_AT_ONCE - 2 * _DATA_MAX:
                await stream.write(b"".join(pieces))
                pieces, waiting = [], 0
        pieces.append(_REQUEST.pack(b"DONE", 0))
        await stream.write(b"".join(pieces))
    finally:
        os.close(file)


async def _receive(stream: Stream, source: Buffered, incoming: _Incoming | _DryRun) -> bool:
    """Receive one pushed file; False if it failed, and so the service ends.

    A failure is reported at once, and the rest is read and dropped: older adbs would not see the report if the phone
    stopped reading.
    """
    try:
        try:
            incoming.open()
            mtime = await _pieces(source, incoming.write)
        except _NotData:
            raise
        except _Refused as refusal:
            await stream.write(_fail(refusal))
            with contextlib.suppress(_NotData):
                await _pieces(source, lambda _: None)
            incoming.discard()
            return False
        incoming.finish(mtime)
    except BaseException:
        incoming.discard()
        raise
    await stream.write(_REQUEST.pack(b"OKAY", 0))
    return True


async def _pieces(source: Buffered, take: Callable[[bytes], None]) -> int:
    """Read the pieces of a file until its end; return its time of change, in seconds."""
    while True:
        header: tuple[bytes, int] = _REQUEST.unpack(await source.exactly(_REQUEST.size))
        kind, length = header
        if kind == b"DONE":
            return length
        if kind != b"DATA":
            raise _NotData("invalid data message")
        if length > _DATA_MAX:
            raise _NotData("oversize data message")
        take(await source.exactly(length))


class _Incoming:
    """A file, or a symbolic link, that is being pushed."""

    def __init__(self, storage: Storage, name: str, mode: int) -> None:
        self._path = storage.path(name)
        self._storage = storage
        self._name = name
        self._mode = mode
        self._room: int | None = None
        self._replaces = False
        self._target = b""
        self._file: int | None = None

    def open(self) -> None:
        """Remove what is replaced, and create the file. Raises `_Refused`."""
        self._replaces = self._is_replaced()
        if self._replaces:
            with contextlib.suppress(OSError):
                os.unlink(self._path)  # noqa: PTH108
        self._room = self._storage.room(self._name)
        if stat.S_ISLNK(self._mode):
            return
        # Android gives group and others the owner's permissions
        mode = self._mode & 0o777
        mode |= mode >> 3 & 0o070
        mode |= mode >> 3 & 0o007
        self._file = self._in_folder(lambda: self._opened(mode), "couldn't create file")
        with contextlib.suppress(OSError):
            os.fchmod(self._file, mode)

    def _is_replaced(self) -> bool:
        """Files are replaced; a file pushed to a link goes where it leads; folders and devices stay."""
        try:
            there = os.lstat(self._path).st_mode
        except OSError:
            return True
        return stat.S_ISREG(there) or (stat.S_ISLNK(there) and not stat.S_ISREG(self._mode))

    def _opened(self, mode: int) -> int:
        flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            return os.open(self._path, flags | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            return os.open(self._path, flags)

    def _in_folder(self, create: Callable[[], int], doing: str) -> int:
        """Create something, if need be with the folders above it. Raises `_Refused`."""
        try:
            try:
                return create()
            except FileNotFoundError:
                _make_folders(os.path.dirname(self._path))  # noqa: PTH120
                return create()
        except OSError as error:
            raise _told(error, doing) from None

    def write(self, data: bytes) -> None:
        """Take one piece. Raises `_Refused`."""
        if self._file is None:
            self._target += data
            if len(self._target) > _DATA_MAX:
                raise _Refused("oversize data message")
            return
        try:
            if self._room is not None:
                self._room -= len(data)
                if self._room < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise _told(error, "write failed") from None

    def finish(self, mtime: int) -> None:
        """Close the file, or make the link, with its time of change. Raises `_Refused`."""
        if self._file is None:
            self._in_folder(self._link, "symlink failed")
        else:
            os.close(self._file)
            self._file = None
        with contextlib.suppress(OSError):
            os.utime(self._path, (mtime, mtime), follow_symlinks=False)

    def _link(self) -> int:
        os.symlink(self._target.split(b"\0", 1)[0], os.fsencode(self._path))  # noqa: PTH211
        return 0

    def discard(self) -> None:
        """Close the unfinished file, and remove it unless it is a folder or a device that was there before."""
        if self._file is None:
            return
        os.close(self._file)
        self._file = None
        if self._replaces:
            with contextlib.suppress(OSError):
                os.unlink(self._path)  # noqa: PTH108


class _DryRun:
    """A push that stores nothing, as in a dry run."""

    def open(self) -> None:
        """Nothing is created."""

    def write(self, data: bytes) -> None:
        """Nothing is written."""

    def finish(self, mtime: int) -> None:
        """Nothing is kept."""

    def discard(self) -> None:
        """Nothing has to be removed."""


def _make_folders(folder: str) -> None:
    """Make a folder and those above it, with the permissions that adbd gives. Raises `_Refused`."""
    try:
        if not os.path.isabs(folder):  # noqa: PTH117
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        missing = []
        while not os.path.isdir(folder):  # noqa: PTH112
            missing.append(folder)
            folder = os.path.dirname(folder)  # noqa: PTH120
        for one in reversed(missing):
            os.mkdir(one)  # noqa: PTH102
            os.chmod(one, 0o775)  # noqa: PTH101, S103
    except OSError as error:
        raise _told(error, "secure_mkdirs failed") from None
