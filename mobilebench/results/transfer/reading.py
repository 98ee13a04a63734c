"""Reads an export of whole runs, which may come from anyone. Nothing is unpacked by a name from the file."""

from __future__ import annotations

import errno
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import mobilebench
from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of
from mobilebench.core.records import Block, ModelFacts, PlannedBlock, Record, Run, RunInfo, StoredEvent
from mobilebench.results.transfer import manifest as layout
from mobilebench.results.transfer.consistency import check
from mobilebench.results.transfer.content import content_sha256
from mobilebench.results.transfer.lines import from_line
from mobilebench.results.transfer.manifest import Manifest, RunEntry

MOST_BYTES = 2**30
"""Of all records of an export together, unpacked: room for 50 million samples. Traces are not unpacked."""
MOST_LINE_BYTES = 64 * 2**20
"""Of one record."""
MOST_FILES = 200_000
MOST_MANIFEST_BYTES = 64 * 2**20
MOST_COMPRESSION = 250
"""Unpacked size over packed size, from 1 MiB on. Results reach 10 to 60; a zip bomb about 1000."""
_CHUNK = 2**20

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Arrived:
    """One run of an export, checked."""

    run: Run
    events: list[StoredEvent]
    content_sha256: str
    files: dict[str, str]
    """Path below the run's folder to the member with its content: traces, and journal and log if exported."""
    left_out: list[str]


@dataclass
class Export:
    """An open export."""

    path: Path
    sha256: str
    manifest: Manifest
    archive: zipfile.ZipFile
    runs: list[Arrived] = field(default_factory=list)

    def copy(self, member: str, target: Path) -> None:
        """Write a member's content to a file.

        Raises:
            OSError: the file cannot be written.
            BadInput: the content has changed since the export was opened.
        """
        with _understood(self.path), target.open("xb") as stream:
            for chunk in _chunks(self, member):
                stream.write(chunk)


@contextmanager
def opened(path: Path) -> Iterator[Export]:
    """Open an export, and check everything in it.

    Raises:
        BadInput: it is not an export, is damaged or malicious, or has a schema that this version cannot read.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else f"it is not a whole zip file ({error})"
        raise BadInput(f"{path} cannot be read: {why}.", hint=_HINT) from error
    with archive:
        with _understood(path):
            _check_members(archive)
            export = Export(path, sha256_of(path), _manifest(archive, path), archive)
            _compare_members(export)
            export.runs += [_run(export, entry) for entry in export.manifest.runs]
        yield export


_HINT = "Ask for a new `mobilebench export`. Nothing was imported."


@contextmanager
def _understood(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RecursionError, NotImplementedError) as error:
        raise BadInput(f"{path} cannot be imported: {error}.", hint=_HINT) from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # what a damaged position of a member gives
            raise
        raise BadInput(f"{path} cannot be imported: a position in it is damaged.", hint=_HINT) from error


def _check_members(archive: zipfile.ZipFile) -> None:
    infos = archive.infolist()
    names = {info.filename for info in infos}
    if len(infos) > MOST_FILES:
        raise ValueError(f"it has {len(infos)} files, and {MOST_FILES} are allowed")
    if len(names) < len(infos):
        raise ValueError("two of its files have the same name")
    if sum(info.file_size for info in infos if info.compress_type != zipfile.ZIP_STORED) > MOST_BYTES:
        raise ValueError(f"its records are larger than {MOST_BYTES / 2**30:g} GiB: export fewer runs at once")
    for info in infos:
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{info.filename[:80]!r} is encrypted, or compressed in an unknown way")
        if info.file_size > max(2**20, MOST_COMPRESSION * info.compress_size):
            raise ValueError(f"{info.filename[:80]!r} is compressed more than {MOST_COMPRESSION} to 1")
    if layout.NAME not in names:
        raise ValueError(f"it has no {layout.NAME}, so `mobilebench export` did not write it")
    if archive.getinfo(layout.NAME).file_size > MOST_MANIFEST_BYTES:
        raise ValueError(f"its {layout.NAME} is too large")


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    text = archive.read(layout.NAME)
    stated = json.loads(text)
    if not isinstance(stated, dict) or stated.get("format") != layout.FORMAT:
        raise ValueError(f"its format is not {layout.FORMAT}, so `mobilebench export` did not write it")
    schema = stated.get("schema")
    if schema != layout.SCHEMA:
        writer = str(stated.get("mobilebench_version"))[:40]
        raise BadInput(
            f"{path} has schema {schema!r:.20}, written by mobilebench {writer}; this mobilebench "
            f"{mobilebench.__version__} reads schema {layout.SCHEMA}.",
            hint="Upgrade the older of the two. Nothing was imported.",
        )
    return from_line(text, Manifest)


def _compare_members(export: Export) -> None:
    """Raise `ValueError` if the file's members are not those of its manifest, and only what a run may have."""
    manifest = export.manifest
    there = {info.filename: info.file_size for info in export.archive.infolist()}
    del there[layout.NAME]
    if there != {name: one.bytes for name, one in manifest.members.items()}:
        raise ValueError(f"its files are not those that its {layout.NAME} lists")
    folders = {entry.folder for entry in manifest.runs}
    if len(folders) < len(manifest.runs):
        raise ValueError("two runs have the same folder")
    for name in there:
        _, _, own = name.removeprefix("runs/").partition("/")
        if not layout.is_allowed(own) or name.removesuffix(f"/{own}") not in folders:
            raise ValueError(f"{name[:80]!r} is no file of a run")
    for folder in folders:
        if missing := [name for name in layout.RECORDS if f"{folder}/{name}" not in there]:
            raise ValueError(f"{folder}/{missing[0]} is missing")


def _run(export: Export, entry: RunEntry) -> Arrived:
    (info,) = _records(export, entry, layout.RUN, RunInfo)
    run = Run(
        info=info,
        planned=_records(export, entry, layout.PLANNED, PlannedBlock),
        blocks=_records(export, entry, layout.BLOCKS, Block),
        models=_records(export, entry, layout.MODELS, ModelFacts),
    )
    events = _records(export, entry, layout.EVENTS, StoredEvent)
    check(run, events)
    if info.id != entry.id or content_sha256(run) != entry.content_sha256:
        raise ValueError(f"run {info.id} is not the one that its {layout.NAME} describes")
    return Arrived(run, events, entry.content_sha256, _files(export, entry, run), entry.left_out)


def _records(export: Export, entry: RunEntry, name: str, kind: type[R]) -> list[R]:
    member = f"{entry.folder}/{name}"
    expected = layout.lines_of(entry)[name]
    found: list[R] = []
    for number, line in enumerate(_lines(export, member), start=1):
        if number > expected:
            break
        try:
            found.append(from_line(line, kind))
        except ValueError as error:
            writer = export.manifest.mobilebench_version
            newer = "" if writer == mobilebench.__version__ else f" (mobilebench {writer:.40} wrote it)"
            raise ValueError(f"line {number} of {member} cannot be used: {error}{newer}") from error
    else:
        if len(found) == expected:
            return found
    raise ValueError(f"the number of lines in {member} is not {expected}")


def _files(export: Export, entry: RunEntry, run: Run) -> dict[str, str]:
    """Files other than records. A trace has to be the one that its block names."""
    measurements = [block.measurement for block in run.blocks if block.measurement]
    traces = {f"{layout.TRACES}/{one.trace.name}": one.trace for one in measurements if one.trace}
    found = {}
    for member, stated in export.manifest.members.items():
        own = member.removeprefix(f"{entry.folder}/")
        if own == member or own in layout.RECORDS:
            continue
        trace = traces.get(own)
        is_known = own in layout.LOGS or (trace and (trace.sha256, trace.bytes) == (stated.sha256, stated.bytes))
        if not is_known:
            raise ValueError(f"{member} is not the trace of any block")
        for _ in _chunks(export, member):
            pass
        found[own] = member
    return found


def _lines(export: Export, member: str) -> Iterator[bytes]:
    pending: list[bytes] = []
    for chunk in _chunks(export, member):
        first, *others = chunk.split(b"\n")
        pending.append(first)
        for one in others:
            yield b"".join(pending)
            pending = [one]
        if sum(map(len, pending)) > MOST_LINE_BYTES:
            raise ValueError(f"a line of {member} is larger than {MOST_LINE_BYTES / 2**20:g} MiB")
    if any(pending):
        raise ValueError(f"{member} ends within a line")


def _chunks(export: Export, member: str) -> Iterator[bytes]:
    """The content of a member; raises `ValueError` at its end if it is not what the manifest states."""
    digest = hashlib.sha256()
    with export.archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != export.manifest.members[member].sha256:
        raise ValueError(f"{member} is not as it was exported: its SHA-256 differs")
