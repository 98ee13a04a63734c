"""A temporary folder on the target in which one block's process may write."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mobilebench.core.errors import BlockFailed, MobilebenchError
from mobilebench.targets.android.files import BLOCK_FOLDER as PHONE_FOLDER
from mobilebench.targets.base import Target, TargetPath

_SECONDS = 30.0


@contextmanager
def scratch_folder(target: Target) -> Iterator[TargetPath]:
    """An empty folder on the target, removed on leaving.

    Raises:
        BlockFailed: the folder cannot be created.
    """
    if target.info.kind == "host":
        with tempfile.TemporaryDirectory(prefix="mobilebench-scratch-", ignore_cleanup_errors=True) as folder:
            yield TargetPath(folder)
        return
    _remove(target)
    made = target.shell(["mkdir", "-p", PHONE_FOLDER.text], timeout=_SECONDS)
    if made.exit_code != 0:
        words = made.stderr.decode("utf-8", "replace").strip() or f"exit code {made.exit_code}"
        raise BlockFailed(f"{target.info.id}: {PHONE_FOLDER} cannot be made: {words}")
    try:
        yield PHONE_FOLDER
    finally:
        with suppress(MobilebenchError):
            _remove(target)


def _remove(target: Target) -> None:
    target.shell(["rm", "-rf", PHONE_FOLDER.text], timeout=_SECONDS)
