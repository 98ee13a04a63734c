"""The record of a file of pretrained weights: its URL, sha256, size and licence."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mobilebench.core.records import Record

LICENCE_NOT_STATED = "not stated"

_SHA256 = re.compile(r"[0-9a-f]{64}")


def _checked_url(url: str) -> str:
    if not url.isprintable() or " " in url:
        raise ValueError("it holds a space or an unprintable character")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "file"):
        raise ValueError("it must begin with https://, http:// or file:///")
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise ValueError("a file's URL is file:/// and an absolute path")
    elif not parts.hostname:
        raise ValueError("it names no host")
    elif not url.isascii():
        raise ValueError("letters other than ASCII must be written as %xx")
    elif parts.port == 0:
        raise ValueError("there is no port 0")
    elif parts.username is not None or parts.password is not None:
        raise ValueError("it must not hold a user or password: they would be stored and shown")
    return url


def _checked_sha256(digits: str) -> str:
    if not _SHA256.fullmatch(digits.lower()):
        raise ValueError(f"it must be 64 hexadecimal digits, and has {len(digits)} characters")
    return digits.lower()


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("it must be one line of text")
    return text.strip()


Line = Annotated[str, Field(max_length=500), AfterValidator(_one_line)]


class Pretrained(Record):
    """A file of weights (`models.weights.weights_file`) that can be fetched."""

    url: Annotated[str, Field(max_length=2000), AfterValidator(_checked_url)]
    """`https://`, `http://` or `file:///`."""
    sha256: Annotated[str, AfterValidator(_checked_sha256)]
    """sha256 of the file; a file with another hash is refused."""
    bytes: Annotated[int, Field(gt=0)] | None = None
    """The file's size, if it is known in advance."""
    licence: Line = LICENCE_NOT_STATED
    """The licence of the weights."""
    source: Line | None = None
    """A citation of who trained the weights, and on which data."""
