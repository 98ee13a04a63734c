"""Runs `mobilebench` in this process as a user types it: one line, and what it printed and how it ended."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from typer.testing import CliRunner

from mobilebench.cli import app


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    """Standard output."""
    err: str
    """Standard error."""


def mobilebench(line: str, answer: str | None = None) -> Ended:
    """Run `mobilebench LINE`, where `line` is quoted as in a shell; `answer` is what standard input contains."""
    result = CliRunner().invoke(app, shlex.split(line), input=answer, prog_name="mobilebench")
    return Ended(result.exit_code, result.stdout, result.stderr)
