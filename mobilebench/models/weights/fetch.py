"""Fetches pretrained weights into the cache once, named by their sha256; incomplete files are never used."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mobilebench.core import file_locks, log, paths
from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of
from mobilebench.models.spec import Pretrained
from mobilebench.models.weights import sources, weights_file
from mobilebench.models.weights.download import Patience, Silent, Watcher, discard, download, part_of

SUFFIX = ".safetensors"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fetched:
    """Pretrained weights that were fetched."""

    pretrained: Pretrained
    path: Path

    @property
    def sha256(self) -> str:
        """The sha256 that the file must have."""
        return self.pretrained.sha256


def weights_folder() -> Path:
    """`<cache>/weights`, made when it is missing."""
    folder = paths.cache() / "weights"
    folder.mkdir(exist_ok=True)
    return folder


def fetched(model: str) -> Fetched | None:
    """The weights for building a model; None: seeded ones, because none are configured or they were not fetched.

    Raises:
        BadInput: there is no such model, or the user's list of weights is not valid.
    """
    named = sources.named(model)
    if named is None:
        return None
    path = path_of(named, weights_folder())
    return Fetched(named, path) if path.is_file() else None


def fetch(
    weights: Pretrained,
    folder: Path,
    watcher: Watcher | None = None,
    *,
    usable: Callable[[Path], object] = weights_file.check,
    patience: Patience | None = None,
) -> Path:
    """The file of these weights in `folder`; it is downloaded unless it is there and complete.

    Args:
        usable: raises `BadInput` for a file that cannot be used although its sha256 is right.

    Raises:
        BadInput: it cannot be fetched (see `download`; received bytes are kept), or has a different sha256 or size, or
            is no file of weights (nothing is kept).
    """
    watcher = watcher or Silent()
    whole = path_of(weights, folder)
    with file_locks.exclusive(lock_of(whole), lambda: watcher.say("another process is fetching it; waiting")):
        if whole.exists():
            if sha256_of(whole) == weights.sha256:
                return whole
            watcher.say("the file in the cache is damaged; fetching it again")
            whole.unlink()
        with log.step(_logger, f"fetch of weights {weights.sha256}"):
            part = part_of(whole)
            _complete(weights, part, watcher, patience or Patience())
            try:
                usable(part)
            except BadInput:
                discard(part)
                raise
            _put_in_place(part, whole)
    return whole


def forget(model: str) -> bool:
    """Go back to seeded weights: remove the model's entry from the user's list, and its fetched weights. Returns False
    if there was nothing to remove.

    Raises:
        BadInput: there is no such model, or the user's list of weights is not valid.
    """
    removed = sources.remove(model)
    while here := fetched(model):
        with file_locks.exclusive(lock_of(here.path)):
            here.path.unlink(missing_ok=True)
        removed = True
    return removed


def path_of(weights: Pretrained, folder: Path) -> Path:
    """The path of the file of these weights, which need not exist."""
    return folder / f"{weights.sha256}{SUFFIX}"


def lock_of(whole: Path) -> Path:
    """The lock for fetching, using or removing these weights."""
    return whole.with_suffix(".lock")


def kept(weights: Pretrained, folder: Path) -> int:
    """The number of bytes of an unfinished download."""
    part = part_of(path_of(weights, folder))
    return part.stat().st_size if part.exists() else 0


def _complete(weights: Pretrained, part: Path, watcher: Watcher, patience: Patience) -> None:
    """Download and check the sha256; a file from several responses with a wrong hash is downloaded once more."""
    joined = download(weights.url, part, weights.bytes, watcher, patience)
    found = sha256_of(part)
    if found != weights.sha256 and joined:
        discard(part)
        watcher.say("the parts together have another sha256; starting over")
        download(weights.url, part, weights.bytes, watcher, patience)
        found = sha256_of(part)
    if found != weights.sha256:
        discard(part)
        raise BadInput(
            f"{weights.url} has sha256 {found} instead of {weights.sha256}; it was not kept.",
            hint="The server has another file, or the sha256 is mistyped.",
        )


def _put_in_place(part: Path, whole: Path) -> None:
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.rename(whole)
    discard(part)
