"""Runs the tools of a build."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from mobilebench.core.errors import BadInput, Unsupported

_LAST_LINES = 30
_SECONDS = 300.0


def run(*command: str | Path) -> str:
    """Run a tool, and return what it printed on standard output.

    Raises:
        Unsupported: it is not installed.
        BadInput: it failed; the message holds the end of what it printed.
    """
    name = Path(command[0]).name
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        raise Unsupported(f"`{name}` is not installed.", hint="Run `make apk`, which installs it.") from None
    if ended.returncode != 0:
        printed = "\n".join((ended.stdout + ended.stderr).splitlines()[-_LAST_LINES:])
        raise BadInput(f"`{name}` failed with exit code {ended.returncode}:\n{printed}")
    return ended.stdout


def jdk() -> Path:
    """The folder of the JDK whose `javac` is on the path. Raises `Unsupported` when there is none."""
    compiler = shutil.which("javac")
    if compiler is None:
        raise Unsupported("There is no Java compiler `javac`.", hint="Run `make apk`, which installs a JDK.")
    return Path(compiler).resolve().parents[1]
