"""Files that came from another computer: `<cache>/artefacts/SHA256`, verified before they count and before each use.

`<cache>/artefacts/sets` has folders in which such files lie under the names that an engine expects. All of it can be
fetched again, so what was not used for a week is removed when there is too much.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from mobilebench.core import file_locks, paths
from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import known_sha256, sha256_of

MOST_BYTES = 20 << 30
"""The most that the files together may take."""
LARGEST_BYTES = 8 << 30
"""The largest file that is taken."""
KEPT_SECONDS = 7 * 24 * 3600.0
"""What was used within this time is not removed."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def folder() -> Path:
    """`<cache>/artefacts`, made when it is missing."""
    path = paths.cache() / "artefacts"
    path.mkdir(exist_ok=True)
    return path


def find(digest: str) -> Path | None:
    """The file with this SHA-256, if it is here and whole. A damaged one is removed.

    Raises:
        BadInput: `digest` is no SHA-256.
    """
    file = folder() / _checked(digest)
    try:
        if known_sha256(file) == digest:
            os.utime(file)
            return file
    except FileNotFoundError:
        return None
    file.unlink(missing_ok=True)
    return None


def missing(digests: Iterable[str]) -> list[str]:
    """Those of these files that are not here, each once.

    Raises:
        BadInput: one is no SHA-256.
    """
    return [digest for digest in dict.fromkeys(digests) if find(digest) is None]


def put(digest: str, offset: int, total: int, content: bytes, *, most_bytes: int = MOST_BYTES) -> int:
    """Add the next part of a file. Returns how many of its bytes are here now: the offset of the part to send next.

    A part that is already here, or that does not follow what is here, changes nothing. When the last byte has come, the
    file is verified, and counts from then on.

    Args:
        digest: SHA-256 of the whole file.
        offset: where the part begins in the file.
        total: bytes of the whole file.
        content: the part.
        most_bytes: the most that all files together may take.

    Raises:
        BadInput: `digest` is no SHA-256, the numbers do not fit, there is no space, or the whole file has another
            content; it is then removed.
    """
    _checked(digest)
    if not 0 <= offset <= total or offset + len(content) > total:
        raise BadInput(f"A part at {offset} of {len(content)} bytes is not in a file of {total} bytes.")
    with file_locks.exclusive(folder() / ".lock"):
        if find(digest):
            return total
        part = folder() / f".{digest}.part"
        held = part.stat().st_size if part.exists() else 0
        if held > total:
            part.unlink()
            held = 0
        if offset != held:
            return held
        if held == 0:
            _make_space(total, most_bytes)
        try:
            with part.open("ab") as stream:
                stream.write(content)
                if held + len(content) == total:
                    stream.flush()
                    os.fsync(stream.fileno())
        except OSError as error:
            raise BadInput(
                f"A file that was sent cannot be written to {folder()}: {error.strerror or error}.",
                hint="Free some space there, or set MOBILEBENCH_CACHE to a folder that can be written.",
            ) from error
        if held + len(content) < total:
            return held + len(content)
        if sha256_of(part) != digest:
            part.unlink()
            raise BadInput(f"The file that was sent is not the one with sha256 {digest}.", hint="Send it again.")
        part.replace(folder() / digest)
        return total


def arranged(contents: Mapping[str, str]) -> Path | None:
    """A folder in which these relative paths have these contents (path to SHA-256); None if one is not here.

    Raises:
        BadInput: a path leads out of the folder, or a value is no SHA-256.
    """
    for name in contents:
        _demand_inside(name)
    if not contents or any(find(digest) is None for digest in contents.values()):
        return None
    lines = "".join(f"{contents[name]}  {name}\n" for name in sorted(contents))
    place = _sets() / sha256(lines.encode()).hexdigest()
    with file_locks.exclusive(folder() / ".lock"):
        if not _is_whole(place, contents):
            draft = Path(mkdtemp(prefix=".making-", dir=_sets()))
            try:
                for name, digest in contents.items():
                    (draft / name).parent.mkdir(parents=True, exist_ok=True)
                    _link(folder() / digest, draft / name)
                shutil.rmtree(place, ignore_errors=True)
                draft.rename(place)
            except OSError:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        os.utime(place)
    return place


def prune(most_bytes: int = 0, *, kept_seconds: float = KEPT_SECONDS) -> int:
    """Remove files, the longest unused first, until the others take at most `most_bytes`. Returns the bytes removed.

    What was used within `kept_seconds`, and what a running job uses, stays.
    """
    with file_locks.exclusive(folder() / ".lock"):
        return _prune(most_bytes, kept_seconds)


def files() -> list[Path]:
    """Every file that is here."""
    return [file for file in folder().iterdir() if _DIGEST.fullmatch(file.name)]


def _prune(most_bytes: int, kept_seconds: float) -> int:
    now = time.time()
    for unfinished in folder().glob(".*.part"):
        with suppress(OSError):
            if now - unfinished.stat().st_mtime > kept_seconds:
                unfinished.unlink()
    found = sorted((file.stat().st_mtime, file.stat().st_size, file) for file in files())
    total = sum(size for _, size, _ in found)
    removed = 0
    for used, size, file in found:
        if total - removed <= most_bytes or now - used <= kept_seconds:
            break
        if _leave_sets(file):
            file.unlink()
            removed += size
    return removed


def _make_space(size: int, most_bytes: int) -> None:
    if size > LARGEST_BYTES:
        raise BadInput(f"A file of {size} bytes is larger than the {LARGEST_BYTES >> 30} GiB that are taken.")
    used = sum(file.stat().st_size for file in files())
    if used + size > most_bytes:
        used -= _prune(max(most_bytes - size, 0), KEPT_SECONDS)
    if used + size > most_bytes:
        raise BadInput(
            f"The files in {folder()} take {used >> 20} MiB of the {most_bytes >> 20} MiB that they may take, and were "
            "used within a week.",
            hint="`mobilebench models prune --all` on that computer removes them.",
        )


def _leave_sets(file: Path) -> bool:
    """Remove the folders that have this file, unless one of them is in use; whether it can be removed now."""
    for place in _sets().iterdir():
        if not place.is_dir() or not any(one.samefile(file) for one in place.rglob("*") if one.is_file()):
            continue
        with file_locks.if_free(place.with_name(f"{place.name}.lock")) as free:
            if not free:
                return False
            shutil.rmtree(place, ignore_errors=True)
    return True


def _sets() -> Path:
    path = folder() / "sets"
    path.mkdir(exist_ok=True)
    return path


def _is_whole(place: Path, contents: Mapping[str, str]) -> bool:
    try:
        return all(known_sha256(place / name) == digest for name, digest in contents.items())
    except OSError:
        return False


def _link(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except OSError:  # this file system has no links
        shutil.copyfile(file, name)


def _checked(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise BadInput(f"{digest[:80]!r} is no SHA-256.")
    return digest


def _demand_inside(name: str) -> None:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        raise BadInput(f"{name[:80]!r} leads out of a folder of sent files.")
