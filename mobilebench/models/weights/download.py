"""Downloads a file from a URL; after a cut connection the download resumes.

A note beside the unfinished file records the URL and the server's ETag or date, so that parts of two versions are never
combined. Proxies are taken from the environment.
"""

from __future__ import annotations

import errno
import http.client
import re
import shutil
import socket
import ssl
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

import mobilebench
from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Record
from mobilebench.core.sizes import megabytes

_CHUNK = 1 << 20
_LARGEST = 4 << 30
_SPARE = 16 << 20
_WORTH_A_RETRY = {408, 425, 429, 500, 502, 503, 504}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Watcher(Protocol):
    """Receives the progress of a download."""

    def say(self, text: str) -> None:
        """Receives a message for the user."""

    def at(self, done: int, total: int | None) -> None:
        """Receives the number of bytes so far, and the total if it is known."""


class Silent:
    """A watcher that does nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""

    def at(self, done: int, total: int | None) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class Patience:
    """Timeout and retries after a cut connection."""

    timeout_s: float = 30.0
    """Seconds to wait for a response, or for the next bytes."""
    attempts: int = 6
    """Consecutive attempts without new bytes before giving up."""
    pause_s: float = 1.0
    """Seconds before the first retry; doubled each time."""


class _Note(Record):
    """The file and version that an unfinished file is a part of."""

    url: str
    mark: str
    """The server's ETag or date of this version; empty: it gave none, and the part cannot be continued."""
    total: int | None


@dataclass(frozen=True)
class _Source:
    """A response from which bytes can be read."""

    read: Callable[[int], bytes]
    begin: int
    """Offset of its first byte in the file: 0, or the end of the unfinished file."""
    total: int | None
    mark: str


class _Cut(Exception):
    """The connection failed; another attempt may succeed."""

    def __init__(self, reason: str, *, hint: str, answered: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.answered = answered


def part_of(file: Path) -> Path:
    """The unfinished file beside a file."""
    return file.with_name(f"{file.name}.part")


def note_of(part: Path) -> Path:
    """The note beside an unfinished file."""
    return part.with_name(f"{part.name}.json")


def discard(part: Path) -> None:
    """Remove an unfinished file and its note."""
    part.unlink(missing_ok=True)
    note_of(part).unlink(missing_ok=True)


def download(url: str, part: Path, size: int | None, watcher: Watcher, patience: Patience) -> bool:
    """Complete the unfinished file `part`; returns whether it was assembled from several responses.

    Args:
        url: `http`, `https` or `file`. Redirects are followed, except from https to another scheme.
        size: the file's size in bytes, if known; a different size is refused.

    Raises:
        BadInput: no network, no such file, refused, a different size, cut off too often, or a full disk. The received
            bytes are kept.
    """
    answered = False
    failures = most = 0
    while True:
        most = max(most, _length(part))
        try:
            with _opened(url, part, patience.timeout_s, watcher) as source:
                answered = True
                _receive(url, source, part, size, watcher)
                return source.begin > 0
        except _Cut as cut:
            answered = answered or cut.answered
            failures = 0 if _length(part) > most else failures + 1
            if not answered or failures >= patience.attempts:
                kept = f" {megabytes(_length(part))} are kept." if _length(part) else ""
                raise BadInput(f"{url} could not be fetched: {cut.reason}.{kept}", hint=cut.hint) from cut
            pause = min(patience.pause_s * 2 ** max(failures - 1, 0), 30.0)
            watcher.say(f"{cut.reason}; trying again in {pause:.3g} s")
            time.sleep(pause)


@contextmanager
def _opened(url: str, part: Path, timeout_s: float, watcher: Watcher) -> Iterator[_Source]:
    """A response that continues after `part`, or one that begins at 0."""
    note = _read_note(part, url)
    offset = _length(part) if note else 0
    if note and offset and offset == note.total:
        yield _Source(lambda _: b"", offset, note.total, note.mark)
    elif urlsplit(url).scheme == "file":
        with _file(url, offset, note.mark if note else "") as source:
            yield source
    else:
        with _request(url, offset, note.mark if note else "", timeout_s) as response:
            source = _answer(response)
            if offset and not source.begin:
                same = note is not None and source.mark == note.mark
                reason = "the server cannot send only the rest" if same else "the file has changed on the server"
                watcher.say(f"{reason}; starting over")
            yield source


def _receive(url: str, source: _Source, part: Path, size: int | None, watcher: Watcher) -> None:
    """Append the bytes of the source to the unfinished file.

    Raises:
        BadInput: the size is not the expected one, or the disk is full.
        _Cut: it ended early.
    """
    limit = size or _LARGEST
    total = size if source.total is None else source.total
    if total is not None and (total > limit or total != (size or total)):
        raise _wrong_size(url, total, size)
    try:
        with part.open("ab") as stream:
            stream.truncate(source.begin)
            _write_note(part, _Note(url=url, mark=source.mark, total=source.total))
            done = source.begin
            _require_room(part.parent, (total or done) - done)
            if done and done != total:
                watcher.say(f"continuing after {megabytes(done)}")
            watcher.at(done, total)
            while chunk := _read(source):
                stream.write(chunk)
                stream.flush()
                done += len(chunk)
                watcher.at(done, total)
                if done > limit:
                    raise _wrong_size(url, done, size)
    except OSError as error:
        if error.errno in _FULL:
            raise BadInput(
                f"The disk that holds {part.parent} is full; {megabytes(_length(part))} are kept.",
                hint="Free some space (`mobilebench models prune` may help) and fetch again: the download continues.",
            ) from error
        raise
    if total is not None and done < total:
        raise _cut_off(f"the connection was cut after {megabytes(done)} of {megabytes(total)}")


def _read(source: _Source) -> bytes:
    try:
        return source.read(_CHUNK)
    except TimeoutError as error:
        raise _cut_off("the server stopped sending") from error
    except (http.client.HTTPException, OSError) as error:
        raise _cut_off(f"the connection was cut ({_plain(error)})") from error


def _cut_off(reason: str) -> _Cut:
    return _Cut(
        reason,
        hint="Fetch it again: the download continues where it was cut, if the server supports this.",
        answered=True,
    )


def _wrong_size(url: str, found: int, size: int | None) -> BadInput:
    if size is None:
        return BadInput(
            f"{url} is too large for a file of weights (at most {_LARGEST >> 30} GiB).", hint="Check the URL."
        )
    return BadInput(
        f"{url} has {found} bytes instead of the stated {size}.",
        hint="The server has another file; check the URL.",
    )


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed and free < needed + _SPARE:
        raise BadInput(
            f"{megabytes(needed)} are still to be downloaded, but only {megabytes(free)} are free in {folder}.",
            hint="Free some space (`mobilebench models prune` may help), or set MOBILEBENCH_CACHE to another disk.",
        )


@contextmanager
def _file(url: str, offset: int, mark: str) -> Iterator[_Source]:
    path = Path(unquote(urlsplit(url).path))
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{path} is not a file.", hint="The URL must name one file of weights.")
        stream = path.open("rb")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", hint="Check the URL.") from error
    with stream:
        now = f"{status.st_mtime_ns}-{status.st_size}"
        begin = offset if mark == now else 0
        stream.seek(begin)
        yield _Source(stream.read, begin, status.st_size, now)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in ("http", "https") or (before == "https" and after != "https"):
            raise BadInput(
                f"{req.full_url} redirects from {before} to {newurl}, which is not followed.",
                hint="An encrypted download must stay encrypted; use another URL.",
            )
        further = super().redirect_request(req, fp, code, msg, headers, newurl)
        if further:
            further.remove_header("Proxy-authorization")
        return further


@contextmanager
def _request(url: str, offset: int, mark: str, timeout_s: float) -> Iterator[http.client.HTTPResponse]:
    """The server's response: the bytes from `offset` of the version with this mark, or else the whole file."""
    response = _sent(url, {"Range": f"bytes={offset}-", "If-Range": mark} if offset else {}, timeout_s)
    if not _fits(response, offset, mark):
        response.close()
        response = _sent(url, {}, timeout_s)
    with response:
        yield response


def _sent(url: str, headers: dict[str, str], timeout_s: float) -> Any:
    """The response to a request, after redirects and through proxies; also `range not satisfiable`."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    usual = {"User-Agent": f"mobilebench/{mobilebench.__version__}", "Accept-Encoding": "identity"}
    try:
        return opener.open(urllib.request.Request(url, headers=usual | headers), timeout=timeout_s)  # noqa: S310
    except urllib.error.HTTPError as error:
        if headers and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return error
        with error:
            raise _refused(url, error) from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, error, timeout_s) from error


def _fits(response: http.client.HTTPResponse, offset: int, mark: str) -> bool:
    """Whether a response is the whole file, or exactly the requested part of the same version."""
    if response.status == http.HTTPStatus.OK:
        return True
    begin, _ = _content_range(response)
    return bool(offset) and begin == offset and _mark(response) in (mark, "")


def _answer(response: http.client.HTTPResponse) -> _Source:
    if (coding := response.headers.get("Content-Encoding", "identity")) != "identity":
        raise BadInput(
            f"{response.url} is sent in the encoding {coding}, which was not requested.",
            hint="Use a URL that gives the plain file.",
        )
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        begin, total = _content_range(response)
        return _Source(response.read1, begin or 0, total, _mark(response))
    length = response.headers.get("Content-Length", "")
    return _Source(response.read1, 0, int(length) if length.isdigit() else None, _mark(response))


def _content_range(response: http.client.HTTPResponse) -> tuple[int | None, int | None]:
    """Offset of the response's first byte and size of the whole file, where the response states them."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if not found:
        return None, None
    return int(found.group(1)), None if found.group(2) == "*" else int(found.group(2))


def _mark(response: http.client.HTTPResponse) -> str:
    """The value for `If-Range`: a strong ETag, or else the date of the last change."""
    tag = str(response.headers.get("ETag", ""))
    return tag if tag.startswith('"') else str(response.headers.get("Last-Modified", ""))


def _refused(url: str, error: urllib.error.HTTPError) -> BadInput | _Cut:
    code = error.code
    if code in _WORTH_A_RETRY:
        return _Cut(f"the server is not ready ({code})", hint="Try again later.", answered=True)
    reasons = {
        401: ("the server requires a login (401)", "Download it in a browser, and use a file:/// URL."),
        403: ("the server refuses access (403)", "Download it in a browser, and use a file:/// URL."),
        404: ("there is no such file on the server (404)", "Check the URL."),
        407: ("the proxy requires a login (407)", "Put user and password into HTTP_PROXY and HTTPS_PROXY."),
        410: ("the file was removed from the server (410)", "Look for another URL."),
    }
    reason, hint = reasons.get(code, (f"the server answers {code}", "Check the URL."))
    if http.HTTPStatus.MULTIPLE_CHOICES <= code < http.HTTPStatus.BAD_REQUEST:
        reason, hint = f"its redirects do not end at a file ({code})", "Check the URL."
    return BadInput(f"{url} could not be fetched: {reason}.", hint=hint)


def _unreachable(url: str, error: Exception, timeout_s: float) -> BadInput | _Cut:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    proxied = proxy is not None and not urllib.request.proxy_bypass(parts.netloc)
    through = f" through the proxy {_bare(str(proxy))}" if proxied else ""
    host = f"{parts.hostname}{through}"
    hint = "Check the proxy's address." if proxied else "Check the network; HTTP_PROXY and HTTPS_PROXY name a proxy."
    if isinstance(cause, ssl.SSLCertVerificationError):
        return BadInput(
            f"{url} could not be fetched: the certificate of {host} is not trusted ({cause.verify_message}).",
            hint="Set SSL_CERT_FILE to a file with further authorities, such as that of your company.",
        )
    if isinstance(cause, str):
        return BadInput(f"{url} could not be fetched{through}: {cause}.", hint=hint)
    if isinstance(cause, socket.gaierror):
        reason = f"no address is known for {host}"
    elif isinstance(cause, TimeoutError):
        reason = f"{host} does not answer within {timeout_s:.3g} s"
    elif isinstance(cause, ConnectionRefusedError):
        reason = f"{host} refuses the connection"
    else:
        reason = f"{host} cannot be reached ({_plain(cause)})"
    return _Cut(reason, hint=hint, answered=False)


def _bare(proxy: str) -> str:
    """A proxy's address without user and password."""
    return re.sub(r"//[^/]*@", "//", proxy)


def _plain(error: BaseException) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return text.rstrip(".")


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _read_note(part: Path, url: str) -> _Note | None:
    """The note, if the download of the part can continue."""
    try:
        note = _Note.model_validate_json(note_of(part).read_bytes())
    except (OSError, ValidationError):
        return None
    return note if note.url == url and note.mark else None


def _write_note(part: Path, note: _Note) -> None:
    atomic_files.write_text(note_of(part), note.model_dump_json(), alone=True)
