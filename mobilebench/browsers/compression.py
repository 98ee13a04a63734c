"""Compressed copies of files for the page server, made once before they are requested, and kept in the cache."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from mobilebench.core import atomic_files, file_locks, paths
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.hashing import known_sha256

Compression = Literal["gzip", "br"]

GZIP_LEVEL = 6
"""The default level of gzip and most servers."""
BROTLI_QUALITY = 5
"""The level of servers that compress on the fly; 11 takes minutes for a large model."""

_CHUNK = 1 << 20
_GZIP_FORMAT = 31


@contextmanager
def compressed(files: Iterable[Path], how: Compression) -> Iterator[Mapping[Path, Path]]:
    """Map every file to its compressed copy; the copies are not pruned from the cache within the context.

    Raises:
        Unsupported: the Python package for this compression is missing.
        BlockFailed: there is no space for the copies.
    """
    distinct = list(dict.fromkeys(files))
    with file_locks.shared(paths.compressed_lock()), ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield dict(zip(distinct, pool.map(lambda file: _compressed(file, how), distinct), strict=True))


def _compressed(file: Path, how: Compression) -> Path:
    level = GZIP_LEVEL if how == "gzip" else BROTLI_QUALITY
    made = paths.compressed() / f"{known_sha256(file)}-{how}{level}"
    if not made.is_file():
        try:
            _make(file, made, how)
        except OSError as error:
            raise BlockFailed(
                f"{file.name} could not be compressed into {made.parent}: {error.strerror or error}.",
                hint="Make room there (`mobilebench models prune`), or use --encoding identity.",
            ) from error
    return made


def _make(file: Path, made: Path, how: Compression) -> None:
    """Compress into a temporary name, then rename, because several processes may do it at once."""
    add, finish = _gzip() if how == "gzip" else _brotli()
    with atomic_files.replacing(made) as draft, draft.open("wb") as target, file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            target.write(add(chunk))
        target.write(finish())


def _gzip() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    compressor = zlib.compressobj(GZIP_LEVEL, wbits=_GZIP_FORMAT)
    return compressor.compress, compressor.flush


def _brotli() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    try:
        import brotli
    except ImportError:
        raise Unsupported(
            "The Python package brotli is not installed, so nothing can be compressed by it.",
            hint="Install mobilebench's requirements again, or use --encoding gzip.",
        ) from None
    compressor = brotli.Compressor(quality=BROTLI_QUALITY)
    return compressor.process, compressor.finish
