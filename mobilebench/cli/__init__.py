"""The command line: parse, call, print. No logic, and no heavy import before a command runs."""

from __future__ import annotations

import sys

from mobilebench.cli.app import app


def main() -> None:
    """Entry point of the `mobilebench` command."""
    from mobilebench.cli import process
    from mobilebench.core.errors import ExitCode

    process.open_streams()
    process.end_like_ctrl_c()
    code: object = ExitCode.OK
    try:
        app(prog_name="mobilebench")
    except SystemExit as ended:
        code = ended.code
    if lost := process.lost_output():
        sys.stderr.write(f"Error: Not everything could be written to standard output: {lost.strerror}.\n")
        sys.stderr.flush()
        code = code or int(ExitCode.BAD_INPUT)
    raise SystemExit(code)
