"""Files on a phone, named by content hash: pushed once, verified, and never left half written.

The phone hashes each file while the next one is being sent. `settle` waits for the hashes; call it before
the files are used.
"""

from __future__ import annotations

import re
import shlex
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput, BlockFailed, MobilebenchError, Unsupported
from mobilebench.core.hashing import sha256_of
from mobilebench.core.sizes import megabytes
from mobilebench.targets.android.shell import SCRATCH, Shell, demand
from mobilebench.targets.android.sync import NoSpace, Sync
from mobilebench.targets.base import Pushed, TargetPath

HOME = TargetPath(f"{SCRATCH}/mobilebench")
"""Folder for everything that mobilebench keeps on a phone."""
FILES = HOME / "files"
BLOCK_FOLDER = HOME / "scratch"
"""Folder in which the programs of one block may write."""

_HASH_TIMEOUT = 120
_SHA256 = re.compile(r"[0-9a-f]{64}")


def sweep(shell: Shell) -> None:
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
            raise BadInput(f"There is no file {local} to bring to {self._shell.serial}.")
        digest = sha256 or sha256_of(local)
        if not _SHA256.fullmatch(digest):
            raise BadInput(f"“{digest}” is no sha256 of {local}.")
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
            raise BlockFailed(f"{self._shell.serial}: {name} did not arrive as the file that its sha256 names.")
        demand(done, f"{self._shell.serial}: {name} could not be put in place")

    def _remove(self, path: str) -> None:
        self._shell.script(f"rm -f {shlex.quote(path)}; rmdir {shlex.quote(path.rpartition('/')[0])} 2>/dev/null")

    def _disk_full(self, local: Path) -> BlockFailed:
        free = free_mb(self._shell)
        room = f"{free:.0f} MB are free, " if free is not None else ""
        needed = f"{local.name} takes {megabytes(local.stat().st_size)}"
        remove = f"adb -s {self._shell.serial} shell rm -r {FILES}"
        return BlockFailed(
            f"{self._shell.serial}: the phone's disk is full: {room}{needed}.",
            hint=f"Free some space on the phone; `{remove}` removes what mobilebench pushed.",
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
