"""The scheduler's list of unfinished jobs: which host has each. It outlives the scheduler's process."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from mobilebench.core import atomic_files
from mobilebench.core.record import Record
from mobilebench.rack.messages import Host, JobId
from mobilebench.rack.spool import KEEP_DAYS


class Entry(Record):
    """A line of the file: a job came, or is gone."""

    job_id: JobId
    host: Host
    at: datetime
    gone: bool = False


class JobList:
    """The jobs and their hosts; each change is on the disk when its method returns.

    Args:
        file: where they are kept; its folder exists.
    """

    def __init__(self, file: Path) -> None:
        self._jobs: dict[str, Entry] = {}
        oldest = datetime.now(UTC) - timedelta(days=KEEP_DAYS)
        for line in file.read_bytes().splitlines() if file.exists() else ():
            try:
                entry = Entry.model_validate_json(line)
            except ValidationError:
                continue  # a line that was cut off when the computer stopped
            self._jobs.pop(entry.job_id, None)
            if not entry.gone and entry.at > oldest:
                self._jobs[entry.job_id] = entry
        kept = "".join(f"{entry.model_dump_json()}\n" for entry in self._jobs.values())
        atomic_files.write_text(file, kept, mode=0o600, durable=True)
        self._file = file.open("ab", buffering=0)

    def host_of(self, job_id: str) -> str | None:
        """The host that has this job; None if the job is not known."""
        entry = self._jobs.get(job_id)
        return entry.host if entry else None

    def all(self) -> list[tuple[str, str]]:
        """Every job with its host."""
        return [(entry.job_id, entry.host) for entry in self._jobs.values()]

    def add(self, job_id: str, host: str) -> None:
        """A host has accepted a job."""
        if self.host_of(job_id) != host:
            self._write(Entry(job_id=job_id, host=host, at=datetime.now(UTC)))

    def remove(self, job_id: str) -> None:
        """A job is done, or its host does not know it."""
        entry = self._jobs.get(job_id)
        if entry is not None:
            self._write(entry.model_copy(update={"gone": True}))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, entry: Entry) -> None:
        self._file.write(entry.model_dump_json().encode() + b"\n")
        os.fsync(self._file.fileno())
        if entry.gone:
            self._jobs.pop(entry.job_id, None)
        else:
            self._jobs[entry.job_id] = entry
