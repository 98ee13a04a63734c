"""Names of pages: lower-case letters, digits and hyphens, so that they are harmless in a folder and in an address."""

from __future__ import annotations

import hashlib
import re

from mobilebench.analysis.over_nights import CaseSeries, Night

PAGE = re.compile(r"[a-z0-9][a-z0-9-]{0,120}\.html")
"""Every name of a page."""
START, NIGHTS = "index.html", "nights.html"
_READABLE = 50
_UNIQUE = 10


def of_case(one: CaseSeries) -> str:
    case = one.case
    return _name("case", f"{case.model}-{case.way}-{case.target}", repr(one.key))


def of_night(night: Night) -> str:
    return _name("night", night.info.id, night.info.id)


def of_soc(soc: str) -> str:
    return _name("soc", soc, soc)


def of_engine(engine: str) -> str:
    return _name("engine", engine, engine)


def of_model(model: str) -> str:
    return _name("model", model, model)


def part(name: str, number: int) -> str:
    """The name of a further part of a page; the first part (number 1) has the name itself."""
    return name if number == 1 else f"{name.removesuffix('.html')}-part-{number}.html"


def _name(kind: str, readable: str, identity: str) -> str:
    """A readable beginning, and the beginning of a digest: two things never share a page."""
    words = re.sub(r"[^a-z0-9]+", "-", readable.lower()).strip("-")[:_READABLE].strip("-")
    digest = hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:_UNIQUE]
    return "-".join(filter(None, (kind, words, digest))) + ".html"
