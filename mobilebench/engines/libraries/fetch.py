"""Fetches archives with the ordinary clients: `mvn` for Maven coordinates, `npm` for npm packages.

mobilebench has no addresses of its own: mirrors and proxies come from the configuration of these clients.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of
from mobilebench.engines.libraries.pins import Archive, Maven, Npm
from mobilebench.engines.libraries.unpack import from_tgz

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
    output = folder / "said.txt"
    ended = _run(command, folder, output)
    said = output.read_text(errors="replace")[:100_000]
    output.unlink()
    files = [file for file in folder.iterdir() if file.is_file() and not file.is_symlink()]
    if len(files) == 1 and ended:
        return files[0]
    raise NotHad(_first_error(said) if ended else f"no answer within {_FETCH_SECONDS:.0f} s")


def _run(command: list[str], folder: Path, output: Path) -> bool:
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


def _first_error(output: str) -> str:
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
