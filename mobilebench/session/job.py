"""A job: everything that a worker needs to measure the blocks of one target, as JSON.

It contains no path of this computer. Files are named by their SHA-256; the worker finds or builds them on its own
computer.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from pydantic import Field

from mobilebench.browsers import builds
from mobilebench.core import artefacts, paths
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.hashing import known_sha256, sha256_of_all
from mobilebench.core.records import Pass, PlannedBlock, Record, TargetInfo
from mobilebench.engines import libraries
from mobilebench.models.manifest import AddedManifest, Format, Manifest, ModelFiles
from mobilebench.session.dependencies import Dependencies, ModelKey, model_key
from mobilebench.session.preparation import Models, Unsupported, case_and_pass

Sha256 = str


class KnownUnsupported(Record):
    """A case that cannot be measured in one pass, as decided when the run was planned."""

    case: str
    """The case's key."""
    pass_: Pass = Field(alias="pass")
    reason: str


class NamedLibrary(Record):
    """A file that the user named for an engine or delegate."""

    name: str
    """`tflite`, `tflite-gpu` or `onnxruntime`."""
    file: str
    """File name without folders."""
    sha256: Sha256
    named_by: str
    """The option or variable that named it, for messages."""


class NamedBrowser(Record):
    """A browser build that the user declared: a program, named by its content, or a package on phones."""

    name: str
    program: Sha256 | None = None
    package: str | None = None
    flags: tuple[str, ...] = ()


class JobSpec(Record):
    """What one worker measures, and the files for it."""

    schema_: Literal["mobilebench/job/1"] = Field(default="mobilebench/job/1", alias="schema")
    run_id: str
    retry_failed: bool = False
    """Whether the run measures failed blocks again."""
    cancel_token: str = Field(default_factory=lambda: secrets.token_hex(8))
    """Token that is needed to cancel the job."""
    target: TargetInfo
    blocks: tuple[PlannedBlock, ...]
    unsupported: tuple[KnownUnsupported, ...] = ()
    models: tuple[Manifest | AddedManifest, ...] = ()
    """Manifests of the models, with the SHA-256 of every file and its path relative to the model's folder."""
    libraries: tuple[NamedLibrary, ...] = ()
    browsers: tuple[NamedBrowser, ...] = ()
    recorders: tuple[str, ...]
    """Names of the recorders that run around each block."""
    wait_seconds: float
    """How long to wait for a phone that goes away."""
    keep_app: bool = False
    """Whether mobilebench's app stays on a phone after the job."""
    builds: dict[str, Sha256] = Field(default={})
    """SHA-256 of mobilebench's own builds that the job uses, where they have to be those of the computer that made the
    job (`own_builds`)."""

    @property
    def resume_command(self) -> str:
        """The command that measures what this run leaves unmeasured."""
        return f"mobilebench run --resume {self.run_id}{' --retry failed' if self.retry_failed else ''}"


def job_for(
    target: TargetInfo,
    blocks: Sequence[PlannedBlock],
    *,
    run_id: str,
    retry_failed: bool,
    unsupported: Unsupported,
    models: Models,
    recorders: Iterable[str],
    wait_seconds: float,
    keep_app: bool = False,
) -> JobSpec:
    """The job for one target, with the libraries and browser builds that are declared now. A declared file that cannot
    be read is left out; the block that needs it reports that.
    """
    used = {model_key(block.case): None for block in blocks}
    reasons = {case_and_pass(block): None for block in blocks}
    names = {block.case.browser for block in blocks}
    return JobSpec(
        run_id=run_id,
        retry_failed=retry_failed,
        target=target,
        blocks=tuple(blocks),
        unsupported=tuple(
            KnownUnsupported.model_validate({"case": key[0], "pass": key[1], "reason": unsupported[key]})
            for key in reasons
            if key in unsupported
        ),
        models=tuple(models[key].manifest for key in used if key in models),
        libraries=tuple(_named_libraries()),
        browsers=tuple(_named_browsers(names)),
        recorders=tuple(recorders),
        wait_seconds=wait_seconds,
        keep_app=keep_app,
    )


def unsupported_of(job: JobSpec) -> Unsupported:
    """The cases and passes that the job lists as unsupported."""
    return {(one.case, one.pass_): one.reason for one in job.unsupported}


def find_models(job: JobSpec, dependencies: Dependencies) -> dict[ModelKey, ModelFiles | str]:
    """The job's models on the worker's computer, or the reason why one cannot be obtained there."""
    formats = formats_of(job, dependencies)
    return {key: _find_model(wanted, formats.get(key, set()), dependencies) for key, wanted in _by_key(job).items()}


def formats_of(job: JobSpec, dependencies: Dependencies) -> dict[ModelKey, set[Format]]:
    """The formats in which the engines of a job read its models, of those that the models have."""
    found: dict[ModelKey, set[Format]] = {}
    manifests = _by_key(job)
    for key, engine in {(model_key(block.case), block.case.engine) for block in job.blocks}:
        wanted = dependencies.engine(engine).format
        if wanted and key in manifests and wanted in manifests[key].formats:
            found.setdefault(key, set()).add(wanted)
    return found


def _by_key(job: JobSpec) -> dict[ModelKey, Manifest]:
    return {(wanted.model, wanted.precision, wanted.batch): wanted for wanted in job.models}


def own_builds(job: JobSpec) -> dict[str, Sha256]:
    """SHA-256 of those of mobilebench's own builds that a job uses, as they are on this computer, by what they are."""
    cases = [block.case for block in job.blocks]
    files: dict[str, list[Path]] = {}
    if any(case.browser is not None for case in cases):
        files["pages"] = [file for file in paths.web_pages().rglob("*") if file.is_file()]
    if any(case.browser is None for case in cases):
        files[f"runner for {job.target.runner}"] = [paths.runner(job.target.runner)]
    if any(case.in_app for case in cases):
        files["app"] = [paths.app()]
    return {
        what: sha256_of_all({str(one.relative_to(paths.PACKAGE)): known_sha256(one) for one in every})
        for what, every in files.items()
        if every and all(one.is_file() for one in every)
    }


def demand_same_builds(job: JobSpec) -> None:
    """Check that mobilebench's own builds here are those with which the job was made.

    Raises:
        BadInput: one differs, or is not here.
    """
    here = own_builds(job) if job.builds else {}
    for what, digest in job.builds.items():
        if here.get(what) != digest:
            other = "is not the build of the computer that began the run" if what in here else "is missing"
            raise BadInput(
                f"The {what} of mobilebench on the worker's computer {other}.",
                hint="Install the same mobilebench on both, or build it from the same sources (`make build`).",
            )


@contextmanager
def named_files(job: JobSpec) -> Iterator[None]:
    """Use the job's libraries and browser builds until the context ends, and none that this process declared.

    Raises:
        BadInput: one of them is not on this computer.
    """
    given = [
        libraries.Given(one.name, _file(one.sha256, f"The library {one.file}", name=one.file), one.named_by)
        for one in job.libraries
    ]
    declared = [
        builds.DeclaredBuild(
            one.name,
            _file(one.program, f"The program of {one.name}") if one.program else None,
            one.package,
            one.flags,
        )
        for one in job.browsers
    ]
    with libraries.using_files(given), builds.using_builds(declared):
        yield


def _named_libraries() -> Iterator[NamedLibrary]:
    for one in libraries.every_file():
        with suppress(OSError):
            sha256 = remember_file(one.path)
            yield NamedLibrary(name=one.name, file=one.path.name, sha256=sha256, named_by=one.by)


def _named_browsers(names: Collection[str | None]) -> Iterator[NamedBrowser]:
    for one in builds.declared():
        if one.name in names:
            with suppress(OSError):
                program = remember_file(one.program) if one.program else None
                yield NamedBrowser(name=one.name, program=program, package=one.package, flags=one.flags)


def _file(sha256: Sha256, what: str, name: str | None = None) -> Path:
    """A file with this content; one that was sent here gets this name."""
    found = file_of(sha256)
    if found is None and name and (sent := artefacts.arranged({name: sha256})):
        found = sent / name
    if found is None:
        raise BadInput(f"{what} (sha256 {sha256}) is not on this computer.", hint="Copy it here and name it here once.")
    return found


def _find_model(wanted: Manifest, formats: Collection[Format], dependencies: Dependencies) -> ModelFiles | str:
    """The model that is built here, if its files are the wanted ones; otherwise the files that were sent here, or else
    build it and compare again."""
    key = (wanted.model, wanted.precision, wanted.batch)
    try:
        found = dependencies.built_model(key)
        if found is None or _digests(found.manifest) != _digests(wanted):
            if sent := _sent_model(wanted, formats):
                return sent
            found = dependencies.model(key, lambda _: None)
    except MobilebenchError as error:
        return _sent_model(wanted, formats) or error.text_with_hint
    if _digests(found.manifest) != _digests(wanted):
        return f"{wanted.model} {wanted.precision} on the worker's computer is not the model of this run"
    return ModelFiles(found.folder, wanted)


def _sent_model(wanted: Manifest, formats: Collection[Format]) -> ModelFiles | None:
    """The model from files that were sent here, if those of all these formats were."""
    entries = [wanted.formats[name] for name in formats]
    folder = artefacts.arranged(
        {path: sum_ for one in entries for path, sum_ in {one.path: one.sha256, **one.parts}.items()}
    )
    return ModelFiles(folder, wanted) if folder else None


def _digests(manifest: Manifest) -> Mapping[str, tuple[Sha256, Mapping[str, Sha256]]]:
    return {name: (entry.sha256, entry.parts) for name, entry in manifest.formats.items()}


def remember_file(file: Path) -> str:
    """Returns the file's SHA-256, and makes the file known to `file_of`.

    Raises:
        OSError: the file cannot be read, or the link cannot be written.
    """
    digest = known_sha256(file)
    link = _known_files() / digest
    fresh = link.with_name(f".{digest}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(file.absolute())
    fresh.replace(link)
    return digest


def file_of(digest: str) -> Path | None:
    """The path of a file with this content; None when no such file is known or it no longer exists."""
    try:
        file = (_known_files() / digest).readlink()
        return file if known_sha256(file) == digest else None
    except OSError:
        return None


def _known_files() -> Path:
    """`<cache>/by-sha256`: a file's digest is a symbolic link to where the file was last seen."""
    folder = paths.cache() / "by-sha256"
    folder.mkdir(exist_ok=True)
    return folder
