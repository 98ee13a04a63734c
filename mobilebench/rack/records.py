"""The jobs of a run that a rack may still hold results of: one file each in the run's folder, until all is stored.

A client that was killed finds them again with `run --resume`, and collects what the hosts measured meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mobilebench.core import atomic_files
from mobilebench.core.record import Record
from mobilebench.rack.messages import Submit

_FOLDER = "rack"
_SUFFIX = ".job.json"


class OpenJob(Record):
    """A job that was submitted, or was about to be."""

    target: str
    """The phone's id in the run."""
    submit: Submit
    """What the scheduler was asked, with the tokens that continue its lease and cancel it."""
    ended: bool = False
    """Whether all that it measured is stored, so that its host has only to be told."""


def keep(run_folder: Path, job: OpenJob) -> None:
    """Remember a job before it is submitted. Raises `OSError` when the file cannot be written."""
    folder = run_folder / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{job.submit.job_id}{_SUFFIX}"
    atomic_files.write_text(file, job.model_dump_json(by_alias=True), mode=0o600, durable=True)


def forget(run_folder: Path, job: OpenJob) -> None:
    """Everything of this job is stored."""
    with suppress(OSError):
        (run_folder / _FOLDER / f"{job.submit.job_id}{_SUFFIX}").unlink()


def kept(run_folder: Path, target: str | None = None) -> list[OpenJob]:
    """The jobs that were not forgotten, the oldest first; with `target`, those of this phone."""
    return [job for job in _read(run_folder / _FOLDER) if target is None or job.target == target]


def _read(folder: Path) -> Iterator[OpenJob]:
    with suppress(OSError):
        for file in sorted(folder.glob(f"*{_SUFFIX}"), key=lambda one: one.stat().st_mtime_ns):
            with suppress(OSError, ValueError):
                yield OpenJob.model_validate_json(file.read_bytes())
