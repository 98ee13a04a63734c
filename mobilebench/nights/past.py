"""Nights on disk: `nights/NAME/ID/night.json` below the folder of results, with the reports of that night beside it."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput, first_problem
from mobilebench.nights.records import Night

FILE_NAME = "night.json"
LARGEST = 64 << 20
"""Bytes of a `night.json`."""


def folder_of(results: Path, name: str) -> Path:
    """The folder of all nights of a configuration."""
    return results / "nights" / name


def night_folder(results: Path, night: Night) -> Path:
    """The folder of one night, which exists afterwards."""
    folder = folder_of(results, night.name) / night.id
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write(results: Path, night: Night) -> Path:
    """Write a night, durably; returns the file."""
    file = night_folder(results, night) / FILE_NAME
    atomic_files.write_text(file, night.model_dump_json(indent=1) + "\n", durable=True)
    return file


def nights(results: Path, name: str) -> list[Night]:
    """The nights of a configuration, oldest first.

    Raises:
        BadInput: one of them cannot be read.
    """
    folder = folder_of(results, name)
    found = [read(file) for file in folder.glob(f"*/{FILE_NAME}")] if folder.is_dir() else []
    return sorted(found, key=lambda night: night.begun_at)


def baseline_runs(results: Path) -> dict[str, str]:
    """The runs of the newest good night of each configuration, with the reason to keep each, as a clause.

    Raises:
        BadInput: a night cannot be read.
    """
    kept: dict[str, str] = {}
    for folder in sorted(folder_of(results, "").glob("*/")):
        good = [night for night in nights(results, folder.name) if night.good]
        for night in good[-1:]:
            kept |= {run: f"the baseline of nights {night.name}" for step in night.steps for run in step.runs}
    return kept


def read(file: Path) -> Night:
    """The night of a file.

    Raises:
        BadInput: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise BadInput(f"{file} is larger than a night can be ({LARGEST >> 20} MiB).")
        return Night.model_validate_json(content)
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror or error}.") from error
    except ValidationError as error:
        raise BadInput(
            f"{file} is no night that this version of mobilebench knows: {first_problem(error).sentence()}.",
            hint="Move its folder away; then this night is no baseline any more.",
        ) from error


def find(results: Path, name: str, wanted: str) -> Night:
    """The night with this id, its unique beginning, or `last`.

    Raises:
        BadInput: there is none, or several.
    """
    every = nights(results, name)
    chosen = every[-1:] if wanted == "last" else [night for night in every if night.id.startswith(wanted)]
    if len(chosen) == 1:
        return chosen[0]
    known = ", ".join(night.id for night in every[-5:]) or "none"
    what = "several nights begin with" if chosen else "there is no night"
    raise BadInput(f"For {name}, {what} {wanted}.", hint=f"The newest nights are: {known}.")
