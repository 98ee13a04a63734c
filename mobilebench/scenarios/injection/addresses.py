"""The address of the page: one of the web, or a file of this computer, whose folder is served on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

from mobilebench.browsers import names
from mobilebench.core import paths
from mobilebench.core.errors import BadInput
from mobilebench.scenarios import own
from mobilebench.scenarios.measuring import REACH_ALL
from mobilebench.targets.base import Target


@contextmanager
def reachable(page: str, target: Target) -> Iterator[str]:
    """The address at which the target's browser finds the page.

    For a file, the page server serves its folder within the context; see `own.files_around`.

    Raises:
        BadInput: it is neither an address of http or https nor a file, or its folder has too many files.
    """
    if is_address(page):
        yield page
        return
    from mobilebench.engines import web

    file = paths.expanded(page)
    if not own.is_file(file):
        raise BadInput(
            f"There is no file {page[:200]}.", hint="Name a file, or an address that begins with http:// or https://."
        )
    own.require_readable_name(file)
    server = web.page_server()
    files = own.files_around(file, own.MOST_FILES)
    with server.visit(files, isolated=False) as visit, target.reverse(server.port) as origin:
        yield f"{origin.rstrip('/')}{visit.path}{quote(own.name_of(file))}"


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


def flags_for(page: str, browser: str) -> tuple[str, ...]:
    """Flags for a browser on this computer: it reaches loopback only, unless the page is elsewhere."""
    if not is_address(page):
        return ()
    host = urlsplit(page).hostname or ""
    near = host in ("127.0.0.1", "localhost") or host.endswith(".localhost")
    return () if near else REACH_ALL[names.family(browser)]
