"""Writes files atomically: to a temporary file beside the target, which then replaces it in one step.

Only the standard library is imported here, because this module also runs inside virtual phones.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(target: Path, *, alone: bool = False, durable: bool = False) -> Iterator[Path]:
    """Yields a temporary path beside `target`; the file that is written there then replaces `target`.

    When the body raises, the temporary file is removed and `target` stays unchanged. Several processes and threads may
    write the same target at once unless `alone` is set: the last one to finish wins.

    Args:
        target: the file to write; its folder exists.
        alone: the caller makes sure that nothing else writes this target meanwhile. Then the next attempt overwrites
        what a killed process left.
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
    """Replace the file `target` by `text` in UTF-8, with unchanged line ends.

    Args:
        mode: permissions of the file; None: the system's default.
        alone: as for `replacing`.
        durable: as for `replacing`.
    """
    with replacing(target, alone=alone, durable=durable) as draft:
        draft.write_text(text, encoding="utf-8", newline="")
        if mode is not None:
            draft.chmod(mode)
