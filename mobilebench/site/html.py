"""A page of the site as HTML: one file without requests to elsewhere, which can be read without its script."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from mobilebench import __version__
from mobilebench.report import document as doc
from mobilebench.report import html

_TEMPLATES = Path(__file__).parent / "templates"
PLACES = (
    ("Start", "index.html"),
    ("Nights", "nights.html"),
    ("SoCs", "index.html#socs"),
    ("Engines", "index.html#engines"),
    ("Models", "index.html#models"),
)
"""What every page links to: text and address."""


def render(name: str, document: doc.Document) -> str:
    """The page of this name."""
    return (
        _templates()
        .get_template("page.html.jinja")
        .render(
            name=name,
            document=document,
            places=PLACES,
            policy=Markup(policy()),  # noqa: S704
            style=Markup(_style()),  # noqa: S704
            script=Markup(_script()),  # noqa: S704
            drawing=False,
            later=lambda _key, body: body,
        )
    )


def policy() -> str:
    """The content security policy of every page: nothing but its own style and script."""
    own = {"style-src": _style(), "script-src": _script()}
    sources = "; ".join(f"{kind} {html.source(text)}" for kind, text in own.items())
    return f"default-src 'none'; {sources}; img-src data:; base-uri 'none'; form-action 'none'"


@lru_cache(maxsize=1)
def look() -> str:
    """SHA-256 of what all pages have in common, and of the version: with another one, every page is another one."""
    shared = [__version__, _style(), _script(), *(one.read_text(encoding="utf-8") for one in _shared_templates())]
    return hashlib.sha256("\0".join(shared).encode()).hexdigest()


def _shared_templates() -> list[Path]:
    return [_TEMPLATES / "page.html.jinja", Path(html.__file__).parent / "templates" / "blocks.html.jinja"]


@lru_cache(maxsize=1)
def _templates() -> Environment:
    return html.environment(_TEMPLATES)


@lru_cache(maxsize=1)
def _style() -> str:
    return html.style() + (_TEMPLATES / "site.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _script() -> str:
    return (_TEMPLATES / "site.js").read_text(encoding="utf-8")
