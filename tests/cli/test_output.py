"""Text from phones and pages on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from mobilebench.analysis.labels import printable
from mobilebench.cli import output
from mobilebench.cli.output import harmless, print_json, print_table, say


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "\x9b31m", "\x1b]0;title\x07", "a\rb", "\x00", "\x7f", "a\u202eb"])
def test_no_control_character_reaches_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name"], [(text,)])
    printed = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\x07", "\r", "\x00", "\x7f", "\u202e"} & set(printed)
    assert "\ufffd" in harmless(text)


def test_line_breaks_are_shown_as_such() -> None:
    assert harmless("one\r\ntwo\n") == "one\ntwo\n"
    assert printable("one\r\n  two\n\nthree\n") == "one / two / three"


@pytest.mark.parametrize("err", [False, True])
def test_lines_and_json_hold_no_control_characters(err: bool, capsys: pytest.CaptureFixture[str]) -> None:
    say("phone\x1b[2J \x9b31m\x07\r", err=err)
    printed = capsys.readouterr()
    assert (printed.err if err else printed.out) == "phone\ufffd[2J \ufffd31m\ufffd\ufffd\n"
    print_json({"name": "\x1b\x7f\x9b"})
    assert json.loads(text := capsys.readouterr().out) == {"name": "\x1b\x7f\x9b"}
    assert "\\u007f\\u009b" in text


def test_every_command_prints_by_it() -> None:
    folder = Path(output.__file__).parent
    raw = {file.name for file in folder.glob("*.py") if "typer.echo(" in file.read_text(encoding="utf-8")}
    assert raw == {"app.py", "output.py"}


def test_titles_hold_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    output.console().print(Text("phone\x1b[2J"), Table(title=Text("\x9b31m")))
    printed = capsys.readouterr().out
    assert "phone\ufffd[2J" in printed
    assert not {"\x1b", "\x9b"} & set(printed)
