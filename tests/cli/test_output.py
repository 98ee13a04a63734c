"""Text from phones and pages on a terminal."""

from __future__ import annotations

import pytest

from mobilebench.analysis.labels import printable
from mobilebench.cli.output import harmless, print_table


@pytest.mark.parametrize("text", ["\x1b[2Jgone", "\x9b31m", "\x1b]0;title\x07", "a\rb", "\x00", "\x7f"])
def test_no_control_character_reaches_the_terminal(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name"], [(text,)])
    printed = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\x07", "\r", "\x00", "\x7f"} & set(printed)
    assert "\ufffd" in harmless(text)


def test_line_breaks_are_shown_as_such() -> None:
    assert harmless("one\r\ntwo\n") == "one\ntwo\n"
    assert printable("one\r\n  two\n\nthree\n") == "one / two / three"
