"""The address of the page: one of the web, or a file of this computer, whose folder is served on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from mobilebench.core.errors import BadInput
from mobilebench.targets.base import Target

MOST_FILES = 5000
"""Files of the page's folder that the page can load; further ones are missing to it."""
_ANY_HOST = ("--host-resolver-rules=",)


@contextmanager
def reachable(page: str, target: Target) -> Iterator[str]:
    """The address at which the target's browser finds the page.

    For a file, the page server serves its folder within the context, without following links out of it.

    Raises:
        BadInput: it is neither an address of http or https nor a file.
    """
    if is_address(page):
        yield page
        return
    from mobilebench.engines import web

    file = Path(page).expanduser()
    if not file.is_file():
        raise BadInput(
            f"There is no file {page}.", hint="Name a file, or an address that begins with http:// or https://."
        )
    server = web.page_server()
    with server.visit(_beside(file), isolated=False) as visit, target.reverse(server.port) as origin:
        yield f"{origin.rstrip('/')}{visit.path}{quote(file.name)}"


def is_address(page: str) -> bool:
    """Whether it is an address of http or https with a host; raises `BadInput` for other schemes."""
    try:
        parts = urlsplit(page)
        host = parts.hostname
    except ValueError as error:
        raise BadInput(f"{page[:200]} is not an address: {error}.", hint="Name an address of http or https.") from error
    if parts.scheme in ("http", "https"):
        if not host:
            raise BadInput(f"{page[:200]} names no host.", hint="Name an address such as https://example.org/.")
        return True
    if parts.scheme and "://" in page:
        raise BadInput(f"{page[:200]} is neither http nor https.", hint="Name a file by its path.")
    return False


def flags_for(page: str) -> tuple[str, ...]:
    """Flags for a browser on this computer: it resolves names of loopback only, unless the page is elsewhere."""
    if not is_address(page):
        return ()
    host = urlsplit(page).hostname or ""
    return () if host in ("127.0.0.1", "localhost") or host.endswith(".localhost") else _ANY_HOST


def _beside(file: Path) -> dict[str, Path]:
    """The files of a page's folder by their names in it; the page itself always, hidden ones never."""
    folder = file.resolve().parent
    found = {file.name: file}
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(names):
            one = Path(where) / name
            if len(found) >= MOST_FILES:
                return found
            if not name.startswith(".") and not one.is_symlink():
                found[one.relative_to(folder).as_posix()] = one
    return found
