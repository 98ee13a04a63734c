"""Collects the files of a bug report. Nothing is measured, and nothing on a phone is changed."""

from __future__ import annotations

import json
import platform
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mobilebench
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Block, Run, TargetInfo
from mobilebench.results.redaction import Redaction
from mobilebench.session.journal import FILE_NAME as JOURNAL_NAME
from mobilebench.session.journal import LOG_NAME

if TYPE_CHECKING:
    from mobilebench.results.store import Store

MOST_BLOCKS = 50
"""Of the blocks that are not valid, so many are packed; the rest is counted."""
MOST_BYTES = 5_000_000
"""Of the log and of the journal, so much is packed: the end, where errors are."""


@dataclass(frozen=True)
class Member:
    """One file of a bug report."""

    name: str
    holds: str
    """What it holds, for the person who sends it."""
    text: str


def collect(store: Store | None, run_id: str | None, attached: Sequence[TargetInfo]) -> tuple[list[Member], Redaction]:
    """The files of a bug report with placeholders in place of names, and the redaction that counted them.

    Args:
        store: where the run is; None packs only versions and the attached targets.
        run_id: the run; None for a report that concerns no run.
        attached: the targets that are here now.
    """
    run = store.load(run_id) if store is not None and run_id is not None else None
    targets = [*(run.info.targets if run else ()), *attached]
    redaction = Redaction(targets, {"<results>": store.folder} if store else {})
    facts = [info.model_dump(mode="json") for info in attached]
    members = [
        Member("versions.json", "versions of mobilebench, Python, its packages and the system", _json(versions())),
        Member("attached.json", "this computer and the phones that are attached now", _json(facts)),
    ]
    if store is not None and run is not None:
        members += _of_run(store, run)
    return [Member(one.name, one.holds, redaction.apply(one.text)) for one in members], redaction


def write(members: Sequence[Member], file: Path) -> None:
    """Write the files as one zip. Raises `BadInput` when it exists already or cannot be written."""
    try:
        with zipfile.ZipFile(file, "x", zipfile.ZIP_DEFLATED) as archive:
            for one in members:
                archive.writestr(one.name, one.text)
    except FileExistsError:
        raise BadInput(f"{file} exists already.", hint="Name another file with --file.") from None
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.", hint="Name another file with --file.") from error


def versions() -> dict[str, Any]:
    """What is installed here, by name."""
    names = [re.split(r"[^\w.-]", line)[0] for line in requires("mobilebench") or () if "extra ==" not in line]
    return {
        "mobilebench": mobilebench.__version__,
        "python": sys.version,
        "system": platform.platform(),
        "packages": {name: _installed(name) for name in names},
    }


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _of_run(store: Store, run: Run) -> Iterator[Member]:
    yield Member("run.json", "the run: its command, suite, seed and targets", _json(run.info.model_dump(mode="json")))
    failing = [block for block in run.blocks if _is_failing(block)]
    shown = [block.model_dump(mode="json", by_alias=True) for block in failing[:MOST_BLOCKS]]
    counted = f"{len(failing)} blocks that failed, are invalid or are suspect"
    cut = f", the first {MOST_BLOCKS} of them" if len(failing) > MOST_BLOCKS else ""
    yield Member("blocks.json", f"{counted}{cut}: samples, proof and reasons", _json(shown))
    events = [json.dumps(one, ensure_ascii=False, default=str) for one in store.events(run.info.id)]
    yield Member("events.jsonl", "events of the run besides its blocks", "\n".join(events))
    folder = store.run_folder(run.info.id)
    for name, holds in ((JOURNAL_NAME, "every event of the run"), (LOG_NAME, "the log: adb and browser traffic")):
        if (folder / name).is_file():
            yield Member(name, holds, _end_of(folder / name))


def _is_failing(block: Block) -> bool:
    return block.outcome == "failed" or (block.verdict is not None and block.verdict.status != "valid")


def _end_of(file: Path) -> str:
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - MOST_BYTES))
        text = stream.read().decode(errors="replace")
    return text if size <= MOST_BYTES else f"(the first {size - MOST_BYTES} bytes were left out)\n{text}"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
