"""Pinned libraries in the cache: fetched once, by one process at a time, and checked by SHA-256 on every use.

Archives are fetched with the ordinary clients: `mvn` for Maven coordinates, `npm` for npm packages. mobilebench has no
addresses of its own: mirrors and proxies come from the configuration of these clients.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from mobilebench.core import artefacts, atomic_files, file_locks, log, paths
from mobilebench.core.errors import BadInput, MobilebenchError, Unsupported
from mobilebench.core.hashing import known_sha256, sha256_of
from mobilebench.engines.libraries import pins, unpack
from mobilebench.engines.libraries.library import Library
from mobilebench.engines.libraries.pins import Archive, Maven, Npm, Pinned
from mobilebench.engines.libraries.unpack import from_tgz

_logger = logging.getLogger(__name__)

Tell = Callable[[str], None]

_failures: dict[Path, MobilebenchError] = {}
"""Target folder of an archive to the error of fetching it: one process does not try twice."""


def on_standard_error(words: str) -> None:
    """Print a step of fetching, which takes seconds to minutes, on standard error. This is the default listener."""
    sys.stderr.write(f"{words}\n")


def is_here(pinned: Pinned) -> bool:
    """Whether the pinned file is in the cache."""
    try:
        return known_sha256(pinned.path) == pinned.member.sha256
    except OSError:
        return False


def failed_before(pinned: Pinned) -> str | None:
    """Why this process could not fetch it, and how to fix that; None when it has not tried, or the file exists now."""
    failure = _failures.get(_room(pinned))
    if not isinstance(failure, Unsupported) or is_here(pinned):
        return None
    return failure.text_with_hint


def obtain(pinned: Pinned, tell: Tell = on_standard_error) -> Library:
    """The pinned library, fetched when it is missing. A failure is remembered and raised again without trying.

    Raises:
        Unsupported: no source has it; the hint says how to fix that.
        BadInput: every source that answers delivers other bytes than the pinned ones, or the cache cannot be written.
    """
    if not is_here(pinned):
        _obtain(pinned, tell)
    archive = pinned.archive
    return Library(
        path=pinned.path,
        sha256=pinned.member.sha256,
        origin=_source(pinned),
        version=archive.version,
        licence=archive.licence,
        coordinate=archive.coordinate,
    )


def _obtain(pinned: Pinned, tell: Tell) -> None:
    room = _room(pinned)
    try:
        room.parent.mkdir(parents=True, exist_ok=True)
        lock = room.parent / f".{pinned.member.archive}.lock"
        waiting = f"Waiting for another process to fetch {pinned.archive.coordinate} …"
        with file_locks.exclusive(lock, lambda: tell(waiting)):
            if is_here(pinned):
                return
            if _take_sent(pinned):
                return
            if failure := _failures.get(room):
                raise type(failure)(failure.message, hint=failure.hint)
            _bring(pinned, room, tell)
    except OSError as error:
        raise BadInput(
            f"The library of `{pinned.engine}` cannot be kept in {room.parent}: {error.strerror or error}.",
            hint="Free some space or set MOBILEBENCH_CACHE to a folder that can be written.",
        ) from error
    except MobilebenchError as error:
        _failures[room] = error
        raise


def _take_sent(pinned: Pinned) -> bool:
    """Put a library in place that another computer sent here; whether one was sent."""
    sent = artefacts.find(pinned.member.sha256)
    if sent is None:
        return False
    pinned.path.parent.mkdir(exist_ok=True)
    with atomic_files.replacing(pinned.path) as fresh:
        shutil.copyfile(sent, fresh)
    return True


def _source(pinned: Pinned) -> str:
    """The source from which it was fetched, read from the note beside it; others deliver the same bytes."""
    known = {source.coordinate for source in pinned.archive.sources}
    try:
        noted = _note(pinned).read_text().strip()
    except (OSError, UnicodeDecodeError):
        noted = ""
    return noted if noted in known else pinned.archive.coordinate


def _note(pinned: Pinned) -> Path:
    return pinned.path.with_name(f"{pinned.path.name}.source")


def _room(pinned: Pinned) -> Path:
    """Working folder for an archive, used under its lock. The next process removes what a killed one left there."""
    return paths.cache() / "libraries" / f".fetch-{pinned.member.archive}"


def _bring(pinned: Pinned, room: Path, tell: Tell) -> None:
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir()
    try:
        corner = Path(tempfile.mkdtemp(dir=room))
        archive, source = _from_sources(pinned, corner, tell)
        for one in pins.held_by(pinned.member.archive):
            _place(one, archive, corner)
            _note(one).write_text(f"{source}\n")
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _from_sources(pinned: Pinned, room: Path, tell: Tell) -> tuple[Path, str]:
    """The archive from the first source that delivers the pinned bytes, and that source."""
    reasons: list[str] = []
    other_bytes = False
    for number, source in enumerate(pinned.archive.sources):
        folder = room / str(number)
        folder.mkdir()
        tell(f"Fetching {source.coordinate} for `{pinned.engine}` …")
        try:
            with log.step(_logger, f"fetch of {source.coordinate}"):
                return fetch(source, pinned.archive, folder), source.coordinate
        except NotHad as reason:
            reasons.append(f"{source.coordinate}: {reason}")
        except OtherBytes as reason:
            other_bytes = True
            reasons.append(str(reason))
        shutil.rmtree(folder, ignore_errors=True)
    why = "; ".join(reasons)
    if other_bytes:
        raise BadInput(
            f"The library of `{pinned.engine}` for {pinned.build} was refused: {why}.",
            hint="Fetch it again; if it still differs, do not use it and tell the maintainers.",
        )
    raise Unsupported(
        f"The library of `{pinned.engine}` for {pinned.build} could not be fetched: {why}.",
        hint=f"Solve that and run `mobilebench libraries fetch --build {pinned.build}`, or name a file: "
        f"`--engine-library {pinned.engine}=FILE`.",
    )


def _place(pinned: Pinned, archive: Path, room: Path) -> None:
    unpacked = room / "library.so"
    unpack.from_zip(archive, pinned.member.member, unpacked)
    if sha256_of(unpacked) != pinned.member.sha256:
        raise BadInput(
            f"The library {pinned.member.member} inside {pinned.archive.coordinate} is not the pinned one: its "
            "checksum differs.",
            hint="Tell the maintainers: lock.yaml contradicts itself.",
        )
    pinned.path.parent.mkdir(exist_ok=True)
    unpacked.replace(pinned.path)


_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_FETCH_SECONDS = 600.0
_LONGEST_WORDS = 300
_ERROR = re.compile(r"(?:\[ERROR\]|npm (?:error|ERR!))\s*(?:Failed to execute goal .* on project \S+: )?(.*)")
_CODE = re.compile(r"(code|errno|syscall|address|port|type) \S+$")
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*m")


_running: set[subprocess.Popen[bytes]] = set()


class NotHad(Exception):
    """A source does not deliver the archive; the message says why, as the client printed it."""


class OtherBytes(Exception):
    """A source delivers other bytes than the pinned ones."""


def fetch(source: Maven | Npm, archive: Archive, folder: Path) -> Path:
    """Fetch the archive into `folder`, which has to be empty, and return its path.

    Raises:
        NotHad: there is no client, no network or no such package.
        OtherBytes: the file is not the pinned one.
    """
    if isinstance(source, Maven):
        got = _by_maven(source, folder)
    else:
        package = _by_npm(source, folder)
        _require(package, source.sha256, source.coordinate)
        got = folder / "inside"
        try:
            from_tgz(package, source.member, got)
        except BadInput as error:
            raise OtherBytes(error.message) from error
        package.unlink()
    _require(got, archive.sha256, source.coordinate)
    return got


def _by_maven(source: Maven, folder: Path) -> Path:
    options = ["--batch-mode", "--quiet", "--update-snapshots"]
    """The last option looks again for archives that were not found, which Maven otherwise remembers for a day."""
    command = ["mvn", *options, _COPY, f"-Dartifact={source.maven}", f"-DoutputDirectory={folder}"]
    return _brought(command, folder, client="the Maven client `mvn` (`apt-get install maven`)")


def _by_npm(source: Npm, folder: Path) -> Path:
    command = ["npm", "pack", "--loglevel=error", "--ignore-scripts", f"--pack-destination={folder}", source.npm]
    return _brought(command, folder, client="the Node client `npm` (`apt-get install npm`)")


def _brought(command: list[str], folder: Path, client: str) -> Path:
    """Run a client, and return the one file that it leaves in `folder`."""
    if shutil.which(command[0]) is None:
        raise NotHad(f"{client} is not installed")
    output = folder / "output.txt"
    ended = run_client(command, folder, output)
    printed = output.read_text(errors="replace")[:100_000]
    output.unlink()
    files = [file for file in folder.iterdir() if file.is_file() and not file.is_symlink()]
    if len(files) == 1 and ended:
        return files[0]
    raise NotHad(first_error(printed) if ended else f"no answer within {_FETCH_SECONDS:.0f} s")


def run_client(command: list[str], folder: Path, output: Path) -> bool:
    """Whether the command ended in time. Its output goes to a file, so that a surviving grandchild cannot block us."""
    with output.open("wb") as sink:
        client = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
        )
        _running.add(client)
        try:
            client.wait(_FETCH_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        finally:
            _end(client)
            _running.discard(client)
    return True


def _end(client: subprocess.Popen[bytes]) -> None:
    if client.poll() is None:
        os.killpg(client.pid, signal.SIGKILL)
        client.wait()


@atexit.register
def _end_all() -> None:
    """End the clients of threads that were left behind, as happens on Ctrl-C."""
    for client in list(_running):
        _end(client)


def first_error(output: str) -> str:
    """The client's first error message, without codes and without what it was about to do."""
    for line in _TERMINAL_CODES.sub("", output).splitlines():
        found = _ERROR.search(line)
        text = found.group(1).strip().removesuffix(" -> [Help 1]").rstrip(".") if found else ""
        if text and not _CODE.match(text):
            return "".join(letter if letter.isprintable() else "?" for letter in text)[:_LONGEST_WORDS]
    return "the client gave no reason"


def _require(file: Path, sha256: str, coordinate: str) -> None:
    if sha256_of(file) != sha256:
        raise OtherBytes(f"what was fetched as {coordinate} is not the pinned file: its checksum differs")
