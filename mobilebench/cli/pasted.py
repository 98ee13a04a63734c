"""Completes the commands that messages propose, so that they work when they are pasted: a command that continues a run
needs the options that say where the run's things are.
"""

from __future__ import annotations

import re
import shlex
from contextvars import ContextVar

import typer

from mobilebench.core import log

_PLACES = ("out", "store_at", "rack_certificates", "engine_library", "browser_path")
"""Parameters of `run` that say where things are."""
_RESUME = re.compile(r"mobilebench run --resume [\w.-]*\w(?: --retry failed)?")

_typed: ContextVar[tuple[str, ...]] = ContextVar("options that say where things are", default=())


def is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line; otherwise it has its default, or a value of the environment."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def remember(context: typer.Context) -> None:
    """Remember where the things of the run are that this context of `run` begins or continues."""
    words: list[str] = []
    for one in context.command.params:
        if one.name in _PLACES and is_typed(context, one.name):
            value = context.params[one.name]
            for each in value if isinstance(value, (list, tuple)) else (value,):
                words += [max(one.opts, key=len), str(each)]
    _typed.set(tuple(words))


def forget() -> None:
    """Another command begins."""
    _typed.set(())


def completed(text: str) -> str:
    """A text in which commands that continue a run have the options that were remembered. Passwords are masked, and a
    sentence says so.
    """
    typed = _typed.get()
    if not typed or not _RESUME.search(text):
        return text
    shown = [log.without_passwords(word) for word in typed]
    options = shlex.join(shown)
    whole = _RESUME.sub(lambda found: f"{found[0]} {options}", text)
    return whole if shown == [*typed] else f"{whole} (Write the store's password in place of ***.)"
