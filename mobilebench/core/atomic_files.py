"""Files that appear whole or not at all: written beside their place, and moved there in one step.

Only the standard library is imported here: the inside of a virtual phone uses this too.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(target: Path, *, alone: bool = False, durable: bool = False) -> Iterator[Path]:
    """A path beside `target` to write a file to, which then takes the place of `target`.

    When the block raises, what was written is removed and `target` stays as it was. Several processes and threads may
    write the same target at once unless `alone`: the last one to finish wins.

    Args:
        target: the file to write; its folder exists.
        alone: the caller makes sure that nothing else writes this target meanwhile. Then what a killed process left
            is overwritten by the next attempt.
        durable: wait until the content is on the disk, so that a power cut does not leave an empty file.

    Raises:
        OSError: the file cannot be moved into place.
    """
    draft = target.with_name(f".{target.name}.part" if alone else f".{target.name}.{secrets.token_hex(4)}.part")
    draft.unlink(missing_ok=True)
    try:
        yield draft
        if durable:
            with draft.open("rb") as stream:
                os.fsync(stream.fileno())
        draft.replace(target)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def write_text(target: Path, text: str, *, mode: int | None = None, alone: bool = False, durable: bool = False) -> None:
    """Write `text` as UTF-8, with its line ends as they are, in place of the file `target`.

    Args:
        mode: permissions of the file; None: those that the system gives.
        alone: as for `replacing`.
        durable: as for `replacing`.
    """
    with replacing(target, alone=alone, durable=durable) as draft:
        draft.write_text(text, encoding="utf-8", newline="")
        if mode is not None:
            draft.chmod(mode)
