"""Frees space in the cache: removes outdated models and weights, leftovers of killed builds and downloads, compressed
copies of files that are gone, or everything.

Each entry is locked before it is removed, so nothing that another process builds, fetches or uses is removed. Links are
left alone. The users' own models are not in the cache (they are in `<home>/models`).
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import ValidationError

from mobilebench.core import artefacts, file_locks, paths
from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import known_sha256
from mobilebench.models import registry, store, user_store
from mobilebench.models.build import cache
from mobilebench.models.manifest import Manifest
from mobilebench.models.weights import fetch, sources

_PART_KEPT_S = 24 * 3600.0

_MODEL = re.compile(
    rf"(?:(?P<name>{store.BUILT_NAME.pattern})(?P<beside>\.log|\.lock)?"
    rf"|\.(?P<left>{store.BUILT_NAME.pattern})(?P<kind>\.building|\.damaged|\.pruned))"
)
"""Folder names of a built model, of one that is being built, and of a killed process's leftovers."""

_WEIGHTS = re.compile(
    r"\.?(?P<name>[0-9a-f]{64})(?P<kind>\.safetensors|\.safetensors\.part(?:\.json|\.new|\.json\.part)?|\.lock)"
)

_COPY = re.compile(r"(?P<sum>[0-9a-f]{64})-(?:gzip|br)\d{1,2}")
"""Name of a compressed copy: the file's sha256, the encoding and its level."""

_HALF_MADE = re.compile(rf"\.{_COPY.pattern}\.[0-9a-f]{{8}}\.part|tmp[a-z0-9_]{{8}}")
"""Leftovers of a killed process; earlier versions used the second form."""


@dataclass(frozen=True)
class Pruned:
    """One cache entry that was removed, or that stays because another process holds its lock."""

    path: Path
    why: str
    """The reason to remove it."""
    bytes: int
    in_use: bool = False
    files: int | None = None
    """The number of files removed from this folder, which itself stays; None if the path itself is removed."""


@dataclass
class _Group:
    """The entries that one lock protects: which of them to remove and why, and whether any stay."""

    goes: dict[Path, str] = field(default_factory=dict)
    stays: bool = False


def prune(*, everything: bool = False, dry_run: bool = False, now: float | None = None) -> Iterator[Pruned]:
    """Remove what is not needed; yields each entry after its removal, and removes the next one when iterated.

    Args:
        everything: remove current models and weights, every compressed copy and the files that other computers sent,
            too.
        dry_run: only report what would be removed.
        now: seconds since 1970, used for the age of an unfinished download.

    Raises:
        BadInput: the user's list of weights is not valid, so the current weights are not known.
    """
    sources.read()
    return _everywhere(everything, dry_run, time.time() if now is None else now)


def _everywhere(everything: bool, dry_run: bool, now: float) -> Iterator[Pruned]:
    yield from _pruned(cache.models_folder(), _MODEL, partial(_why_model, everything=everything), dry_run)
    current = None if everything else _named()
    why = partial(_why_weights, current=current, unfinished_before=now if everything else now - _PART_KEPT_S)
    yield from _pruned(fetch.weights_folder(), _WEIGHTS, why, dry_run)
    yield from _pruned_copies(everything, dry_run)
    if everything and (sent := artefacts.files()):
        size = sum(map(_size, sent)) if dry_run else artefacts.prune(kept_seconds=-1)
        left = [] if dry_run else artefacts.files()
        yield Pruned(artefacts.folder(), "files that other computers sent", size, files=len(sent) - len(left))


def _pruned_copies(everything: bool, dry_run: bool) -> Iterator[Pruned]:
    """Remove compressed copies, which are many and small and share one lock: one `Pruned` per reason."""
    folder = paths.compressed()
    sums = set() if everything else _sums_here()
    with file_locks.if_free(paths.compressed_lock()) as free:
        goes: dict[str, list[Path]] = {}
        for path in sorted(folder.iterdir()):
            if not path.is_symlink() and (reason := _why_copy(path.name, sums, everything, free)):
                goes.setdefault(reason, []).append(path)
        done = [
            Pruned(folder, reason, sum(map(_size, copies)), in_use=not free, files=len(copies))
            for reason, copies in goes.items()
        ]
        for path in (path for copies in goes.values() for path in copies if free and not dry_run):
            path.unlink()
    yield from done


def _why_copy(name: str, sums: Collection[str], everything: bool, free: bool) -> str | None:
    if _HALF_MADE.fullmatch(name):
        return "left behind by a process that was killed" if free else None
    copy = _COPY.fullmatch(name)
    if copy is None or copy["sum"] in sums:
        return None
    return "compressed copies" if everything else "compressed copies of files that no longer exist"


def _sums_here() -> set[str]:
    """sha256 of every file that a page may be sent: of current and added models, and of the pages themselves."""
    manifests = [files.manifest for files in user_store.every()]
    for folder in cache.models_folder().iterdir():
        if store.BUILT_NAME.fullmatch(folder.name) and _outdated(folder.name) is None:
            with suppress(OSError, ValidationError):  # a damaged model will be built and compressed again
                manifests.append(Manifest.model_validate_json((folder / store.MANIFEST).read_bytes()))
    formats = [one for manifest in manifests for one in manifest.formats.values()]
    pages = {known_sha256(file) for file in paths.web_pages().rglob("*") if file.is_file()}
    return pages.union(*({one.sha256, *one.parts.values()} for one in formats))


def _pruned(
    folder: Path, ours: re.Pattern[str], why: Callable[[Path, re.Match[str]], str | None], dry_run: bool
) -> Iterator[Pruned]:
    """Remove the entries of one folder whose names match `ours` and for which `why` gives a reason."""
    for lock, group in _groups(folder, ours, why).items():
        with file_locks.if_free(lock) as free:
            done = [Pruned(path, reason, _size(path), in_use=not free) for path, reason in group.goes.items()]
            if free and not dry_run:
                for path in group.goes:
                    _remove(path)
                if not group.stays:
                    lock.unlink(missing_ok=True)
        yield from done


def _groups(
    folder: Path, ours: re.Pattern[str], why: Callable[[Path, re.Match[str]], str | None]
) -> dict[Path, _Group]:
    groups: dict[Path, _Group] = {}
    for path in sorted(folder.iterdir()):
        called = ours.fullmatch(path.name)
        if called is None or path.is_symlink():
            continue
        names = called.groupdict()
        lock = folder / f"{names['name'] or names['left']}.lock"
        group = groups.setdefault(lock, _Group())
        if path == lock:
            continue
        if reason := why(path, called):
            group.goes[path] = reason
        else:
            group.stays = True
    return groups


def _why_model(path: Path, called: re.Match[str], *, everything: bool) -> str | None:
    if called["left"]:
        return "left behind by a process that was killed"
    if called["beside"]:
        return "log of a build that failed"
    return _outdated(path.name) or ("current" if everything else None)


def _outdated(name: str) -> str | None:
    called = store.BUILT_NAME.fullmatch(name)
    assert called is not None
    model, precision, batch = called.group(1, 2, 3)
    try:
        impossible = registry.why_not(model, precision) is not None
    except BadInput:
        impossible = True
    if impossible:
        return "not known in this version"
    return (
        None
        if cache.folder_of(model, precision, int(batch)).name == name
        else "made from another definition or other weights"
    )


def _why_weights(
    path: Path, called: re.Match[str], *, current: set[str] | None, unfinished_before: float
) -> str | None:
    if called["kind"] != fetch.SUFFIX:
        return "unfinished download" if path.stat().st_mtime <= unfinished_before else None
    if current is None:
        return "weights"
    return None if called["name"] in current else "weights that no model uses"


def _named() -> set[str]:
    every = [sources.named(model) for model in {*registry.names(), *sources.read()}]
    return {one.sha256 for one in every if one}


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links are not followed."""
    if not path.is_dir():
        return path.lstat().st_size
    return sum((Path(root) / name).lstat().st_size for root, _, files in os.walk(path) for name in files)


def _remove(path: Path) -> None:
    """Remove a file or a folder. A folder is renamed first, so that a killed prune leaves no incomplete model."""
    if not path.is_dir():
        path.unlink()
        return
    if not path.name.startswith("."):
        hidden = path.with_name(f".{path.name}.pruned")
        if hidden.exists():
            shutil.rmtree(hidden)
        path = path.rename(hidden)
    shutil.rmtree(path)
