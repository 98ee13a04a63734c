"""Every `mobilebench` and `adb` command that a message, hint or help text proposes is one that runs."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from mobilebench.cli import app

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mobilebench"
HOLE = "X1"
"""Stands for what a message fills in."""
_TICKED = re.compile(r"`(mobilebench(?: [^`]*)?)`")
_LED = re.compile(r"(?:: |with: )(mobilebench [a-z][^`.,;]*?)(?=[.,;]|$)")
_PLACEHOLDERS = re.compile(r"\b(RUN|NAME|SERIAL|MODEL|FILE|PATH|DIR|N)\b")


def _text(node: ast.expr) -> str | None:
    """A string as it is shown, its holes filled."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else HOLE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left), _text(node.right)
        return (left if left is not None else HOLE) + (right if right is not None else HOLE)
    return None


def proposals() -> dict[str, str]:
    """Commands that the source proposes, and where."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        inner: set[ast.AST] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if node in inner or not isinstance(node, ast.expr) or (text := _text(node)) is None:
                continue
            inner.update(ast.walk(node))
            if node.lineno == 1:
                continue  # a module's title names its command
            for command in (*_TICKED.findall(text), *_LED.findall(text)):
                if "\n" not in command:
                    found.setdefault(command, f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


def words_of(command: str) -> list[str]:
    """The arguments; `…` stands for the rest of a command line, `a|b` and `[a]` for what may be chosen."""
    words = shlex.split(command.replace("…", "").replace("...", ""))[1:]
    return [_PLACEHOLDERS.sub(HOLE, word) for word in words if word]


def parse(arguments: list[str]) -> None:
    """Take the arguments apart as the program would, without running the command."""
    command, context = get_command(app), None
    name, rest = "mobilebench", list(arguments)
    while True:
        if not rest and hasattr(command, "commands"):
            return  # the group's own help
        context = command.make_context(name, rest, parent=context)
        if not hasattr(command, "resolve_command"):
            return
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])


@pytest.mark.slow
def test_every_proposed_command_parses() -> None:
    wrong = []
    for command, place in sorted(proposals().items()):
        if command in ("mobilebench", "mobilebench --debug …"):
            continue  # the program's name, and the way to run any command again
        try:
            parse(words_of(command))
        except (typer.TyperException, ValueError) as error:
            wrong.append(f"{place}: `{command}`: {error}")
    assert wrong == []


@pytest.mark.slow
def test_proposals_are_found_and_wrong_ones_fail() -> None:
    assert {"mobilebench devices", "mobilebench run --resume last"} <= proposals().keys()
    for wrong in (["run", "--resume"], ["modles"], ["run", "--no-such"], ["models", "show"]):
        with pytest.raises(typer.TyperException):
            parse(wrong)


def test_hints_of_adb_use_its_own_commands() -> None:
    known = {
        "attach",
        "connect",
        "devices",
        "disconnect",
        "exec-in",
        "nodaemon",
        "pull",
        "reboot",
        "reconnect",
        "shell",
        "start-server",
        "tcpip",
        "uninstall",
    }
    used = set()
    for path in PACKAGE.rglob("*.py"):
        for command in re.findall(r"`adb ([^`]*)`", path.read_text(encoding="utf-8")):
            plain = re.sub(r"-[sPL] \S+|-a\b", "", command).split()
            used.update(plain[:1])
    assert used <= known
    assert "devices" in used
