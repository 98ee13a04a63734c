"""Files on a phone: transfer over adb's sync service, and files that are pushed once under their content hash.

The phone hashes each pushed file while the next one is being sent. `PhoneFiles.settle` waits for the hashes; call it
before the files are used.
"""

from __future__ import annotations

import logging
import re
import shlex
import stat as modes
import struct
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from socket import socket
from threading import Event
from typing import BinaryIO

from mobilebench.core import atomic_files, log
from mobilebench.core.errors import BadInput, BlockFailed, MobilebenchError, TargetLost, Unsupported
from mobilebench.core.hashing import sha256_of
from mobilebench.core.sizes import megabytes
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.android.shell import SCRATCH, Shell, checked_output
from mobilebench.targets.base import Pushed, TargetPath
from mobilebench.targets.limits import Limit, given_events

_CHUNK = 1 << 16
_HEADER = 8
_PACKET = _HEADER + _CHUNK
_BATCH = 16
_STALLED_SECONDS = 30

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteFile:
    """A file's metadata, as the phone reports it."""

    mode: int
    """Permission bits."""
    size: int


class NoSpace(BlockFailed):
    """The phone's disk is full."""


class Sync:
    """File transfer with one phone."""

    def __init__(self, serial: str, cancel: Event | None = None) -> None:
        self.serial = serial
        self._cancel = cancel

    def stat(self, path: str) -> RemoteFile | None:
        """Metadata of the file at `path`, or None if there is none."""
        limit = self._limit(f"reading the metadata of {path}")
        with self._session(limit) as stream:
            self._request(stream, b"STAT", path.encode(), limit)
            answer = adb_protocol.receive(stream, 16, limit)
            if len(answer) < 16 or answer[:4] != b"STAT":
                raise self._cut(limit)
            mode, size, _ = struct.unpack("<III", answer[4:])
            return RemoteFile(modes.S_IMODE(mode), size) if mode else None

    def read(self, path: str) -> bytes:
        """Read a small file."""
        content = BytesIO()
        self.receive(path, content)
        return content.getvalue()

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Write a small file in place."""
        self.send(BytesIO(content), path, mode)

    def receive(self, path: str, into: BinaryIO) -> None:
        """Copy a file from the phone.

        Raises:
            BlockFailed: there is no such file, or it cannot be read.
        """
        limit = self._limit(f"reading {path}")
        with self._session(limit) as stream:
            self._request(stream, b"RECV", path.encode(), limit)
            while True:
                word, length = self._header(stream, limit)
                if word == b"DONE":
                    return
                data = adb_protocol.receive(stream, length, limit)
                if len(data) < length:
                    raise self._cut(limit)
                if word != b"DATA":
                    raise self._refused(data, limit)
                into.write(data)
                limit.restart()

    def send(self, source: BinaryIO, path: str, mode: int) -> int:
        """Copy a file to the phone, creating missing folders; return its size in bytes.

        Raises:
            NoSpace: the phone's disk is full.
            BlockFailed: the phone refused the file for another reason.
        """
        limit = self._limit(f"writing {path}")
        with self._session(limit) as stream:
            try:
                self._request(stream, b"SEND", f"{path},{modes.S_IFREG | mode}".encode(), limit)
                total = _stream_out(stream, source, limit)
            except OSError:
                total = -1
            word, length = self._header(stream, limit)
            if word == b"OKAY" and total >= 0:
                return total
            raise self._refused(adb_protocol.receive(stream, length, limit), limit)

    def _limit(self, doing: str) -> Limit:
        return Limit(f"{self.serial}: {doing}", _STALLED_SECONDS, given_events(self._cancel))

    @contextmanager
    def _session(self, limit: Limit) -> Iterator[socket]:
        with log.timed(_logger, f"adb sync {limit.doing}"), adb_protocol.service(self.serial, "sync:", limit) as stream:
            yield stream

    def _request(self, stream: socket, word: bytes, argument: bytes, limit: Limit) -> None:
        try:
            adb_protocol.send(stream, word + struct.pack("<I", len(argument)) + argument, limit)
        except OSError:
            raise self._cut(limit) from None

    def _header(self, stream: socket, limit: Limit) -> tuple[bytes, int]:
        header = adb_protocol.receive(stream, 8, limit)
        if len(header) < 8:
            raise self._cut(limit)
        word, length = header[:4], struct.unpack("<I", header[4:])[0]
        if length > _CHUNK and word != b"DONE":
            raise BlockFailed(f"{limit.doing}: the phone announced a packet of {length} bytes, more than adb sends.")
        return word, length

    def _cut(self, limit: Limit) -> BlockFailed | TargetLost:
        cut = BlockFailed(f"{limit.doing}: the connection was cut.", fault="cut connection")
        return adb_protocol.lost_phone_or(cut, self.serial, limit.doing.partition(": ")[2])

    def _refused(self, message: bytes, limit: Limit) -> BlockFailed:
        reason = message.decode(errors="replace").strip() or "the phone gave no reason"
        if "no space left" in reason.lower():
            return NoSpace(f"{limit.doing}: {reason}", fault="no space")
        return BlockFailed(f"{limit.doing}: {reason}")


def _stream_out(stream: socket, source: BinaryIO, limit: Limit) -> int:
    """Send the file in packets, many per write, because single adb packets are too small for fast cables."""
    buffer = bytearray(_BATCH * _PACKET)
    view = memoryview(buffer)
    total = 0
    while size := _fill(buffer, view, source):
        adb_protocol.send(stream, view[:size], limit)
        total += size - _HEADER * -(-size // _PACKET)
        limit.restart()
    adb_protocol.send(stream, b"DONE" + struct.pack("<I", int(time.time())), limit)
    return total


def _fill(buffer: bytearray, view: memoryview, source: BinaryIO) -> int:
    """Fill the buffer with packets; return their size in bytes. Only the file's last packet is not full."""
    at = 0
    while at < len(buffer):
        count = source.readinto(view[at + _HEADER : at + _PACKET])  # type: ignore[attr-defined]
        if not count:
            break
        struct.pack_into("<4sI", buffer, at, b"DATA", count)
        at += _HEADER + count
        if count < _CHUNK:
            break
    return at


# Files named by their content hash

HOME = TargetPath(f"{SCRATCH}/mobilebench")
"""Folder for everything that mobilebench keeps on a phone."""
FILES = HOME / "files"
BLOCK_FOLDER = HOME / "scratch"
"""Folder in which the programs of one block may write."""

_HASH_TIMEOUT = 120
_SHA256 = re.compile(r"[0-9a-f]{64}")


def remove_leftovers(shell: Shell) -> None:
    """Remove partial files and block folders that killed runs left. The caller holds the phone's lock."""
    shell.script(
        f"cd {HOME} 2>/dev/null || exit 0; rm -rf {BLOCK_FOLDER}; rm -f ./*.part {FILES}/*/*.part; "
        f"rmdir {FILES}/* 2>/dev/null; true",
        timeout=_HASH_TIMEOUT,
    )


class PhoneFiles:
    """The pushed files of one phone. The caller holds the phone's lock, so no other run writes them."""

    def __init__(self, shell: Shell, sync: Sync) -> None:
        self._shell = shell
        self._sync = sync
        self._here: set[TargetPath] = set()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verify")
        self._unverified: list[tuple[TargetPath, Future[None]]] = []

    def push(self, local: Path, *, sha256: str | None = None, executable: bool = False) -> Pushed:
        """Push a file, unless the phone already has its bytes (the phone hashes them once).

        It gets its final name once the phone has verified it: call `settle` before using it.

        Raises:
            BadInput: the local file does not exist.
            BlockFailed: the phone's disk is full, or it refused the file.
        """
        started = time.monotonic()
        if not local.is_file():
            raise BadInput(f"There is no file {local} to push to {self._shell.serial}.")
        digest = sha256 or sha256_of(local)
        if not _SHA256.fullmatch(digest):
            raise BadInput(f"“{digest}”, given for {local}, is not a SHA-256 digest.")
        path = FILES / digest / local.name
        transferred = not self._is_here(path, digest, executable)
        if transferred:
            self._transfer(local, path, digest, executable)
        self._here.add(path)
        return Pushed(path, digest, transferred, time.monotonic() - started)

    def settle(self) -> None:
        """Wait until the phone has verified every file that was pushed.

        Raises:
            BlockFailed: the received bytes differ from the sent ones.
        """
        waiting, self._unverified = self._unverified, []
        failure: MobilebenchError | None = None
        for path, verified in waiting:
            try:
                verified.result()
            except MobilebenchError as error:
                self._here.discard(path)
                failure = failure or error
        if failure is not None:
            raise failure

    def close(self) -> None:
        """End the thread that waits for the phone; unverified files are not used afterwards."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def pull(self, remote: TargetPath, local: Path) -> None:
        """Copy a file from the phone; the local file appears only once it is complete."""
        with atomic_files.replacing(local) as draft, draft.open("wb") as target:
            self._sync.receive(remote.text, target)

    def _is_here(self, path: TargetPath, digest: str, executable: bool) -> bool:
        if path in self._here:
            return True
        quoted = shlex.quote(path.text)
        check = self._shell.script(
            f"if [ -f {quoted} ]; then sha256sum {quoted} && chmod {_mode(executable)} {quoted}; fi",
            timeout=_HASH_TIMEOUT,
        )
        return check.exit_code == 0 and check.stdout.split()[:1] == [digest.encode()]

    def _transfer(self, local: Path, path: TargetPath, digest: str, executable: bool) -> None:
        part = f"{path}.part"
        try:
            with local.open("rb") as source:
                self._sync.send(source, part, 0o755 if executable else 0o644)
        except NoSpace:
            self._remove(part)
            raise self._disk_full(local) from None
        except BlockFailed:
            self._remove(part)
            raise
        verified = self._pool.submit(self._verify, part, path, digest, _mode(executable), local.name)
        self._unverified.append((path, verified))

    def _verify(self, part: str, path: TargetPath, digest: str, mode: str, name: str) -> None:
        quoted, final = shlex.quote(part), shlex.quote(path.text)
        done = self._shell.script(
            f"s=$(sha256sum {quoted}) || exit; "
            f'case "$s" in {digest}*) chmod {mode} {quoted} && mv -f {quoted} {final};; '
            f"*) rm -f {quoted}; exit 99;; esac",
            timeout=_HASH_TIMEOUT,
        )
        if done.exit_code == 127:
            raise Unsupported(f"{self._shell.serial}: its Android has no sha256sum (Android 8 and newer have it).")
        if done.exit_code == 99:
            raise BlockFailed(f"{self._shell.serial}: {name} arrived damaged: the phone computes another SHA-256.")
        checked_output(done, f"{self._shell.serial}: {name} could not be put in place")

    def _remove(self, path: str) -> None:
        self._shell.script(f"rm -f {shlex.quote(path)}; rmdir {shlex.quote(path.rpartition('/')[0])} 2>/dev/null")

    def _disk_full(self, local: Path) -> BlockFailed:
        free = free_mb(self._shell)
        free_space = f"{free:.0f} MB are free, " if free is not None else ""
        needed = f"{local.name} takes {megabytes(local.stat().st_size)}"
        remove_command = f"adb -s {self._shell.serial} shell rm -r {FILES}"
        return BlockFailed(
            f"{self._shell.serial}: the phone's disk is full: {free_space}{needed}.",
            hint=f"Free some space on the phone; `{remove_command}` removes what mobilebench pushed.",
            fault="no space",
        )


def _mode(executable: bool) -> str:
    """Mode for chmod after a push, because adb extends the given mode to group and others."""
    return "755" if executable else "644"


def free_mb(shell: Shell) -> float | None:
    """Free megabytes on the storage that files are pushed to; None if the phone does not report it."""
    lines = shell.script(f"df -k {SCRATCH}").stdout.decode(errors="replace").splitlines()
    fields = lines[-1].split() if len(lines) > 1 else []
    return int(fields[3]) * 1024 / 1e6 if len(fields) > 3 and fields[3].isdecimal() else None
