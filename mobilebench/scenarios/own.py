"""A page of the user's own: an address, or a file of this computer with the files around it."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

from mobilebench.browsers.page import Page
from mobilebench.core.errors import BadInput
from mobilebench.core.page_quality import Void
from mobilebench.scenarios import probe
from mobilebench.scenarios.hands import Hands
from mobilebench.scenarios.messages import Begun
from mobilebench.scenarios.scenario import Scenario, Use
from mobilebench.scenarios.video import watch

MOST_FILES = 5000
"""Files of a page's folder, with the page itself."""
_FOLDER = "own/"
"""Where they lie on the page server."""
_SHOWN = 300
TURN_SECONDS = 0.25
TURN_PIXELS = 160
"""The wheel moves so many pixels every quarter of a second: a person who skims a page."""
_VIEW = """[innerWidth, innerHeight, scrollY,
  (document.documentElement?.scrollHeight ?? 0) - innerHeight - scrollY]"""


def use(page: Page, hands: Hands, seconds: float, begun: Begun) -> Use:
    """Scroll up and down by the wheel; a page whose video plays is only watched."""
    if begun.video == "playing":
        return watch(page, hands, seconds, begun)
    down = TURN_PIXELS
    began = time.monotonic()
    turns = 0
    with probe.named_failures(page):
        while (spent := time.monotonic() - began) < seconds:
            time.sleep(max(0.0, min(turns * TURN_SECONDS, seconds) - spent))
            turns += 1
            width, height, above, below = _view(page)
            if (down > 0 and below <= 1) or (down < 0 and above <= 1):
                down = -down
            hands.scroll(width / 2, height / 2, down)
    return Use(Void(reason="this page has no script of runs"), Void(reason="nothing is typed on this page"))


def _view(page: Page) -> tuple[float, float, float, float]:
    """Width and height of the window, and the pixels of the page above and below it."""
    found = page.evaluate(_VIEW, timeout=probe.ANSWER_SECONDS, apart=True)
    numbers = [_number(one) for one in found] if isinstance(found, list) else []
    width, height, above, below = (*numbers, 0, 0, 0, 0)[:4]
    return min(max(width, 1), 20_000), min(max(height, 1), 20_000), above, below


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0.0


def at_address(address: str) -> Scenario:
    """The scenario of a page at this address.

    Raises:
        BadInput: it is not an address of a page.
    """
    try:
        parts = urlsplit(address)
        whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if not whole or any(one.isspace() or not one.isprintable() for one in address):
        shown = address[:_SHOWN]
        raise BadInput(f"“{shown}” is not the address of a page.", hint="Write it as in https://example.org/page.")
    if parts.username is not None or parts.password is not None:
        raise BadInput(
            "The address names a user or a password, which would be stored with every result.",
            hint="Name the address without them, and a page that needs no password.",
        )
    return _scenario(address, address, {})


def is_file(path: Path) -> bool:
    """Whether there is such a file; a name that the system refuses, such as one that is too long, is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def require_readable_name(file: Path) -> None:
    """Refuse a file whose name is no text, which no address can hold. Raises `BadInput`."""
    try:
        str(file).encode()
    except UnicodeEncodeError as error:
        shown = str(file).encode(errors="backslashreplace").decode()[:_SHOWN]
        raise BadInput(f"The name of the file {shown} is no UTF-8 text.", hint="Rename it.") from error


def in_file(file: Path) -> Scenario:
    """The scenario of a page in this file; see `files_around`.

    Raises:
        BadInput: there are too many files in its folder.
    """
    return _scenario(file.name, name_of(file), files_around(file, MOST_FILES))


def name_of(file: Path) -> str:
    """The name of a page on the page server; of a link, that of the file to which it leads."""
    return f"{_FOLDER}{file.resolve().name}"


def files_around(file: Path, most: int) -> dict[str, Path]:
    """The page and all files below its folder, by their names on the page server.

    Left out are hidden files and folders, links to these or out of the folder, and linked folders.

    Raises:
        BadInput: there are more than `most`.
    """
    file = file.resolve()
    found = (one for one in _below(file.parent) if one != file)
    files = {f"{_FOLDER}{one.relative_to(file.parent).as_posix()}": one for one in islice(found, most)}
    files[name_of(file)] = file
    if len(files) > most:
        raise BadInput(
            f"The folder of {file.name} has more than {most} files, which would all be offered to the page.",
            hint="Move the page with its own files into a folder of their own.",
        )
    return files


def _below(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith(".")]
        for file in (Path(where) / name for name in names if not name.startswith(".")):
            if file.is_file() and _is_visible(file.resolve(), folder):
                yield file


def _is_visible(file: Path, folder: Path) -> bool:
    """Whether a file, to which a link may have led, is below the folder and not hidden there."""
    return file.is_relative_to(folder) and not any(one.startswith(".") for one in file.relative_to(folder).parts)


def _scenario(address: str, page: str, files: dict[str, Path]) -> Scenario:
    return Scenario(
        name="page",
        title="The page is scrolled by the wheel, or watched if it plays a video.",
        address=address,
        page=page,
        use=use,
        files=files,
        isolated=False,
    )
