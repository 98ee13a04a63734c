"""Programs of this package that run with nothing but Python's standard library.

Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of this package, which the phone has at another place."""


@dataclass(frozen=True)
class Python:
    """The interpreter that runs the phone's daemon."""

    binary: str
    prefix: str


def python() -> Python:
    """Return this process's interpreter, without its virtual environment."""
    return Python(os.path.realpath(sys.executable), os.path.realpath(sys.base_prefix))


def own_program(module: str, *arguments: str, code: str = str(PACKAGE.parent)) -> list[str]:
    """The command that runs `main` of a module of `virtual`, which imports only the standard library."""
    start = f"import sys; sys.path.insert(0, {code!r}); from mobilebench.virtual.{module} import main; main()"
    return [python().binary, "-I", "-S", "-B", "-c", start, *arguments]
