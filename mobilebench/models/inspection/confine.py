"""Checks that a file named in a model file lies in the model's own folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from mobilebench.models.inspection.malformed import Malformed


def belonging(folder: Path, name: str, what: str) -> Path:
    """The path of a file that a model names, after checking its location and kind.

    Args:
        folder: the model's folder.
        name: the name as written in the model.
        what: what the file is, for the message, such as `its external data`.

    Raises:
        Malformed: the name is absolute or leads out of the folder (also by a link), or there is no such regular file.
    """
    shown = repr(name[:200])
    path = PurePosixPath(name)
    if not name or "\0" in name or len(name) > 1024:
        raise Malformed(f"is damaged: it does not name {what}")
    if path.is_absolute() or PureWindowsPath(name).drive or "\\" in name:
        raise Malformed(f"names {what} by an absolute path or a path of another system ({shown})", hint=_SAVE_TOGETHER)
    if ".." in path.parts:
        raise Malformed(f"names {what} outside its folder ({shown})", hint=_SAVE_TOGETHER)
    try:
        real = (folder / path).resolve(strict=True)
        inside = real.is_relative_to(folder.resolve(strict=True))
    except (OSError, RuntimeError) as error:
        raise Malformed(f"needs {what} {shown}, which is not there", hint="Put it beside the model.") from error
    if not inside:
        raise Malformed(f"names {what} {shown}, a link that leads outside its folder", hint=_SAVE_TOGETHER)
    if not real.is_file():
        raise Malformed(f"names {what} {shown}, which is not a regular file")
    return folder / path


_SAVE_TOGETHER = "Save the model and all its files in one folder."
