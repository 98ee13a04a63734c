"""Every `mobilebench` command that the documents show is one that this version understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from mobilebench.cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks/README.md",
]
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def shown(program: str) -> list[list[str]]:
    """The arguments of every shown call of a program."""
    calls = []
    for document in DOCUMENTS:
        for block in CONSOLE.findall(document.read_text()):
            for line in block.splitlines():
                words = shlex.split(line.strip().removeprefix("$ "), comments=True)
                if line.strip().startswith("$ ") and words and words[0] == program:
                    calls.append(words[1:])
    return calls


@pytest.mark.parametrize("arguments", shown("mobilebench"), ids=" ".join)
def test_shown_command_parses(arguments: list[str]) -> None:
    command = get_command(app)
    context = command.make_context("mobilebench", list(arguments), resilient_parsing=False)
    while hasattr(command, "resolve_command") and context._protected_args:
        _, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(command.name, rest, parent=context)


@pytest.mark.parametrize("arguments", shown("make"), ids=" ".join)
def test_shown_make_target_exists(arguments: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for variable in (one.partition("=")[0] for one in arguments if "=" in one):
        assert f"$({variable})" in makefile, variable
    for target in (one for one in arguments if "=" not in one):
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target


def test_links_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for link in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / link).exists(), f"{document.name}: {link}"
