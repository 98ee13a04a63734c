"""Files of a job travel to a host by their SHA-256, each once. What is sent is looked up by `core.artefacts`."""

from __future__ import annotations

import base64
import binascii
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mobilebench.core import artefacts
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.sizes import decimal_size
from mobilebench.engines import libraries
from mobilebench.models.manifest import ModelFiles
from mobilebench.rack.messages import LONGEST_CHUNK, Answer, Missing, MissingFiles, Put, Question, Stored
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.job import JobSpec, file_of, find_models, formats_of, named_files

Ask = Callable[[Question], Answer]
"""Asks the scheduler; raises `MobilebenchError` where it refuses or cannot be reached."""

_sending: dict[str, threading.Lock] = defaultdict(threading.Lock)
"""Host to a lock that is held while files are sent to it, so that the jobs of one run send nothing twice."""


def missing(question: Missing) -> MissingFiles:
    """A host's answer: which of these files it does not have."""
    return MissingFiles(digests=tuple(artefacts.missing(question.digests)))


def put(question: Put) -> Stored:
    """A host's answer to a part of a file, which is written and, when it is the last one, verified.

    Raises:
        BadInput: it is no base64, does not fit, or the whole file has another SHA-256.
    """
    try:
        content = base64.b64decode(question.data, validate=True)
    except binascii.Error as error:
        raise BadInput("A part of a file is no base64.") from error
    size = artefacts.put(question.digest, question.offset, question.total, content)
    complete = size == question.total and artefacts.find(question.digest) is not None
    return Stored(digest=question.digest, size=size, complete=complete)


def files_of(job: JobSpec, dependencies: Dependencies) -> dict[str, Path]:
    """The files that a job needs, by SHA-256, as far as they are on this computer: its models in the formats that its
    engines read, the libraries that the user named, and those that its engines load on this target.
    """
    found: dict[str, Path] = {}
    formats = formats_of(job, dependencies)
    for key, files in find_models(job, dependencies).items():
        if isinstance(files, ModelFiles):
            for entry in (files.manifest.formats[name] for name in formats.get(key, ())):
                found[entry.sha256] = files.folder / entry.path
                found |= {digest: files.folder / path for path, digest in entry.parts.items()}
    for library in job.libraries:
        if path := file_of(library.sha256):
            found[library.sha256] = path
    with named_files(job):
        for engine, backend in {(block.case.engine, block.case.backend) for block in job.blocks}:
            if engine in libraries.ENGINES and job.target.kind != "host":
                found |= _engine_libraries(engine, backend, job.target.runner)
    return found


def _engine_libraries(engine: str, backend: str, build: str) -> dict[str, Path]:
    try:
        loaded = libraries.libraries_for(engine, backend, build, lambda _: None)
    except MobilebenchError:
        return {}  # the block that needs it reports that
    return {one.sha256: one.path for one in (loaded.core, loaded.delegate) if one is not None}


def send(ask: Ask, host: str, files: Mapping[str, Path], tell: Callable[[str], None], stop: threading.Event) -> bool:
    """Send to a host those of these files that it does not have. Returns False if `stop` was set meanwhile.

    Args:
        ask: asks the scheduler.
        host: the host's name.
        files: files of this computer by their SHA-256.
        tell: called with a short text before files are sent.
        stop: ends it after the current part.

    Raises:
        MobilebenchError: the host refuses a file, or a file cannot be read here.
    """
    if not files:
        return True
    with _sending[host]:
        answer = ask(Missing(host=host, digests=tuple(files)))
        if not isinstance(answer, MissingFiles):
            raise BadInput(f"Host {host} does not say which files it has.")
        wanted = [digest for digest in answer.digests if digest in files]
        if wanted:
            tell(f"{_count(wanted)}, {decimal_size(_size(files[one] for one in wanted))}, to host {host}")
        return all(_send(ask, host, digest, files[digest], stop) for digest in wanted)


def _send(ask: Ask, host: str, digest: str, file: Path, stop: threading.Event) -> bool:
    try:
        with file.open("rb") as stream:
            total = file.stat().st_size
            offset = 0
            while not stop.is_set():
                stream.seek(offset)
                data = base64.b64encode(stream.read(LONGEST_CHUNK)).decode("ascii")
                answer = ask(Put(host=host, digest=digest, offset=offset, total=total, data=data))
                if not isinstance(answer, Stored):
                    raise BadInput(f"Host {host} did not store {file.name}.")
                if answer.complete:
                    return True
                if answer.size == offset and total:
                    raise BadInput(f"Host {host} stored nothing of a part of {file.name}.", hint="Begin the run again.")
                offset = answer.size
    except OSError as error:
        raise BadInput(f"{file} cannot be read to send it to host {host}: {error.strerror}.") from error
    return False


def _count(files: Iterable[str]) -> str:
    number = len(list(files))
    return "1 file" if number == 1 else f"{number} files"


def _size(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files)
