"""The error of readers whose file does not follow its format, and their check of files that a model names."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath


class Malformed(Exception):
    """The file cannot be read as its format.

    Args:
        problem: the end of a sentence that begins with "FILE ", such as `is cut short`.
        hint: what the user can do, if anything.
    """

    def __init__(self, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


def cut_short(what: str) -> Malformed:
    """The error for data that reaches past the end of the file."""
    return Malformed(f"is cut short or damaged: {what} reaches past its end", hint="Copy or download it again.")


def part_of_model(folder: Path, name: str, what: str) -> Path:
    """The path of a file that a model names, after checking its location and kind.

    Args:
        folder: the model's folder.
        name: the name as written in the model.
        what: the role of the file, for the message, such as `external data`.

    Raises:
        Malformed: the name is absolute or leads out of the folder (also by a link), or there is no such regular file.
    """
    file = f"the file {name[:200]!r} ({what})"
    path = PurePosixPath(name)
    if not name or "\0" in name or len(name) > 1024:
        raise Malformed(f"is damaged: it does not name the file of its {what}")
    if path.is_absolute() or PureWindowsPath(name).drive or "\\" in name:
        raise Malformed(f"names {file} by an absolute path or a path of another system", hint=_SAVE_TOGETHER)
    if ".." in path.parts:
        raise Malformed(f"names {file}, which is outside its folder", hint=_SAVE_TOGETHER)
    try:
        real = (folder / path).resolve(strict=True)
        inside = real.is_relative_to(folder.resolve(strict=True))
    except (OSError, RuntimeError) as error:
        raise Malformed(f"needs {file}, which does not exist", hint="Put it beside the model.") from error
    if not inside:
        raise Malformed(f"names {file}, a link that leads outside its folder", hint=_SAVE_TOGETHER)
    if not real.is_file():
        raise Malformed(f"names {file}, which is not a regular file")
    return folder / path


_SAVE_TOGETHER = "Save the model and all its files in one folder."
