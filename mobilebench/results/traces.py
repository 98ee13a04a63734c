"""The files of a run's trace passes: their folder, and which files exist."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mobilebench.core import atomic_files
from mobilebench.core.records import PlannedBlock, Run, TraceFile

FOLDER = "traces"
"""Name of their folder inside a run's folder."""


@dataclass(frozen=True)
class StoredTrace:
    """The trace of one block."""

    planned: PlannedBlock
    file: TraceFile
    path: Path

    @property
    def is_there(self) -> bool:
        """Whether the file still exists in full length."""
        try:
            return self.path.stat().st_size == self.file.bytes
        except OSError:
            return False


def traces_folder(run_folder: Path) -> Path:
    """The folder for the traces of a run. It is created with the first trace."""
    return run_folder / FOLDER


def write_trace(run_folder: Path, name: str, content: bytes) -> None:
    """Write a trace atomically into a run's folder.

    Raises:
        OSError: the file cannot be written.
        ValueError: the name contains a folder.
    """
    if Path(name).name != name:
        raise ValueError(f"{name} is no name of a file.")
    file = traces_folder(run_folder) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_files.replacing(file) as fresh:
        fresh.write_bytes(content)


def stored(run: Run, run_folder: Path) -> list[StoredTrace]:
    """The traces of a run, in the order of its blocks."""
    return [
        StoredTrace(block.planned, trace, traces_folder(run_folder) / trace.name)
        for block in run.blocks
        if block.measurement and (trace := block.measurement.trace)
    ]
