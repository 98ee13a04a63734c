"""Writes the site into a folder: only pages that changed, each in one step, and removes pages that no longer exist."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from mobilebench.core.atomic_files import write_text
from mobilebench.core.errors import BadInput
from mobilebench.core.record import Record
from mobilebench.site import html, names
from mobilebench.site.contents import Contents, digest

LIST = ".mobilebench-site.json"
"""The file that lists the pages that were written."""
_FORMAT = "mobilebench/site/1"


class _Page(Record):
    data: str
    """SHA-256 of what the page shows; empty while it is being written."""
    file: str
    """SHA-256 of the file."""


class _List(Record):
    format: str = _FORMAT
    pages: dict[str, _Page] = Field(default={})


@dataclass(frozen=True)
class Written:
    """What became of the pages."""

    written: int
    unchanged: int
    removed: int
    bytes: int
    """Size of the pages that were written."""
    largest: int


def write(contents: Contents, folder: Path, progress: Callable[[int, int], None] = lambda _done, _all: None) -> Written:
    """Write the site.

    Raises:
        BadInput: the folder holds files that are no pages of an earlier call, or cannot be written.
    """
    earlier = _earlier(folder)
    _refuse_foreign(folder, contents, earlier)
    folder.mkdir(parents=True, exist_ok=True)
    expected = {
        name: earlier.get(name) or _Page(data="", file="") for name in {**earlier, **dict.fromkeys(contents.names)}
    }
    _save(folder, expected)
    sizes: list[int] = []
    unchanged = 0
    for number, name in enumerate(contents.names, 1):
        document = contents.document(name)
        data, path = digest(document), folder / name
        known = earlier.get(name)
        if known and known.data == data and _file_digest(path) == known.file:
            unchanged += 1
        else:
            text = html.render(name, document)
            write_text(path, text)
            expected[name] = _Page(data=data, file=hashlib.sha256(text.encode()).hexdigest())
            sizes.append(len(text.encode()))
        progress(number, len(contents.names))
    stale = [name for name in expected if name not in contents]
    for name in stale:
        (folder / name).unlink(missing_ok=True)
        del expected[name]
    _save(folder, expected)
    return Written(len(sizes), unchanged, len(stale), sum(sizes), max(sizes, default=0))


def _earlier(folder: Path) -> dict[str, _Page]:
    try:
        listed = _List.model_validate_json((folder / LIST).read_bytes())
    except FileNotFoundError:
        return {}
    except (ValidationError, OSError) as error:
        raise BadInput(
            f"{folder / LIST} cannot be read as the list of a site.", hint="Choose another folder."
        ) from error
    if listed.format != _FORMAT or not all(map(names.PAGE.fullmatch, listed.pages)):
        raise BadInput(f"{folder / LIST} is not a list of this version of mobilebench.", hint="Choose another folder.")
    return listed.pages


def _refuse_foreign(folder: Path, contents: Contents, earlier: dict[str, _Page]) -> None:
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is no folder.", hint="Name a folder for the site.")
    if not folder.exists():
        return
    present = {path.name for path in folder.iterdir()}
    foreign = sorted(present & (set(contents.names) - earlier.keys())) if earlier else sorted(present - {LIST})
    if foreign:
        raise BadInput(
            f"{folder} holds files that are not of this site: {', '.join(foreign[:3])}"
            f"{' …' if len(foreign) > 3 else ''}.",
            hint="Name an empty or a new folder, or that of an earlier `mobilebench site DIR`.",
        )


def _file_digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _save(folder: Path, pages: dict[str, _Page]) -> None:
    listed = _List(pages=dict(sorted(pages.items())))
    write_text(folder / LIST, json.dumps(listed.model_dump(), indent=0) + "\n")
