"""Writes an export of whole runs."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import mobilebench
from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Record, RunInfo
from mobilebench.results import traces
from mobilebench.results.anonymous import Anonymiser
from mobilebench.results.store import Store
from mobilebench.results.transfer import manifest as layout
from mobilebench.results.transfer.content import content_sha256
from mobilebench.results.transfer.lines import to_line
from mobilebench.results.transfer.manifest import Manifest, Member, RunEntry


@dataclass(frozen=True)
class Wanted:
    """What an export contains besides the records."""

    traces: bool = True
    logs: bool = False
    """Journal and log of each run."""
    anonymised: bool = False
    """Without what identifies phones, people and computers. Traces, which hold command lines, are left out."""


def write(store: Store, run_ids: Sequence[str], file: Path, wanted: Wanted) -> Manifest:
    """Write runs of a store to a new file; returns its manifest.

    Raises:
        BadInput: the file exists already or cannot be written, or a run holds a number that is not finite, or cannot be
            anonymised.
    """
    if file.exists():
        raise BadInput(f"{file} exists already.", hint="Name another file with --file.")
    try:
        with atomic_files.replacing(file) as draft, zipfile.ZipFile(draft, "x", zipfile.ZIP_DEFLATED) as archive:
            return _Export(store, archive).write(run_ids, wanted)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.", hint="Name another file with --file.") from error


class _Export:
    def __init__(self, store: Store, archive: zipfile.ZipFile) -> None:
        self._store = store
        self._archive = archive
        self._members: dict[str, Member] = {}

    def write(self, run_ids: Sequence[str], wanted: Wanted) -> Manifest:
        named = Anonymiser(self._infos(run_ids)) if wanted.anonymised else None
        entries = [self._run(run_id, f"runs/{number}", wanted, named) for number, run_id in enumerate(run_ids, start=1)]
        manifest = Manifest(
            format=layout.FORMAT,
            schema=layout.SCHEMA,
            mobilebench_version=mobilebench.__version__,
            written_at=datetime.now(UTC),
            runs=entries,
            members=self._members,
        )
        self._archive.writestr(layout.NAME, manifest.model_dump_json(by_alias=True, indent=1))
        return manifest

    def _infos(self, run_ids: Sequence[str]) -> list[RunInfo]:
        by_id = {info.id: info for info in self._store.runs()}
        return [by_id[self._store.resolve(run_id)] for run_id in run_ids]

    def _run(self, run_id: str, folder: str, wanted: Wanted, anonymiser: Anonymiser | None) -> RunEntry:
        stored = self._store.load(run_id, strict=True)
        happened = self._store.stored_events(stored.info.id)
        run = stored
        if anonymiser:
            run, happened = anonymiser.run(stored), anonymiser.events(happened)
        try:
            self._records(f"{folder}/{layout.RUN}", [run.info])
            self._records(f"{folder}/{layout.PLANNED}", run.planned)
            self._records(f"{folder}/{layout.BLOCKS}", run.blocks)
            self._records(f"{folder}/{layout.MODELS}", run.models)
            self._records(f"{folder}/{layout.EVENTS}", happened)
        except ValueError as error:
            raise BadInput(
                f"Run {run.info.id} cannot be exported, because it holds a number that is not finite ({error}).",
                hint="`mobilebench results RUN --format csv` still exports its tables.",
            ) from error
        left_out = []
        own = self._store.run_folder(stored.info.id)
        for trace in traces.stored(run, own):
            name = f"{layout.TRACES}/{trace.file.name}"
            if wanted.traces and trace.is_there and anonymiser is None:
                self._file(f"{folder}/{name}", trace.path, zipfile.ZIP_STORED)
            else:
                left_out.append(name)
        for name in layout.LOGS:
            if wanted.logs and (own / name).is_file():
                self._log(f"{folder}/{name}", own / name, anonymiser)
            elif (own / name).is_file():
                left_out.append(name)
        return RunEntry(
            id=run.info.id,
            folder=folder,
            content_sha256=content_sha256(run),
            planned=len(run.planned),
            blocks=len(run.blocks),
            models=len(run.models),
            events=len(happened),
            left_out=left_out,
        )

    def _records(self, name: str, records: Iterable[Record]) -> None:
        with self._member(name, zipfile.ZIP_DEFLATED) as stream:
            for record in records:
                stream.write(to_line(record))

    def _log(self, name: str, source: Path, anonymiser: Anonymiser | None) -> None:
        if anonymiser is None:
            self._file(name, source, zipfile.ZIP_DEFLATED)
            return
        with (
            self._member(name, zipfile.ZIP_DEFLATED) as target,
            source.open(encoding="utf-8", errors="replace") as lines,
        ):
            for line in lines:
                target.write(anonymiser.line(line).encode())

    def _file(self, name: str, source: Path, method: int) -> None:
        with self._member(name, method) as target, source.open("rb") as stream:
            shutil.copyfileobj(stream, target)

    @contextmanager
    def _member(self, name: str, method: int) -> Iterator[_Counted]:
        info = zipfile.ZipInfo(name)
        info.compress_type = method
        with self._archive.open(info, "w", force_zip64=True) as stream:
            counted = _Counted(stream)
            yield counted
        self._members[name] = Member(sha256=counted.digest.hexdigest(), bytes=counted.bytes)


class _Counted:
    """A stream to write to, with size and SHA-256 of what was written."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.bytes = 0

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        self.bytes += len(content)
        return self._stream.write(content)
