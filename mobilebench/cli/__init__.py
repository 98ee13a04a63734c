"""The command line: parse, call, print. No logic, and no heavy import before a command runs."""

from __future__ import annotations

from mobilebench.cli.app import app


def main() -> None:
    """Entry point of the `mobilebench` command."""
    app(prog_name="mobilebench")
