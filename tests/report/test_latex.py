"""The LaTeX renderer: booktabs tables, in which no text is a command."""

from __future__ import annotations

import re

import pytest

from mobilebench.report import document as doc
from mobilebench.report import latex
from tests.report.hostile import EVERYTHING, FORMULA

COLUMNS = (
    doc.Column("Model", "name"),
    doc.Column("Setup", "number", unit="ms", group="wasm_simd"),
    doc.Column("Prediction", "number", unit="ms", group="wasm_simd"),
)


def table(*rows: doc.Row, columns: tuple[doc.Column, ...] = COLUMNS, note: str = "") -> str:
    return latex.table(doc.Table("t", columns, rows, "Caption", note))


def environments(text: str) -> list[str]:
    """The environments in their order, after checking that each is closed by its own end."""
    stack: list[str] = []
    found: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
            found.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b", r"a\_b"),
        ("5 %", r"5 \%"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("$x^2$ #1 & ~", r"\$x\textasciicircum{}2\$ \#1 \& \textasciitilde{}"),
        ("3.1×", r"3.1\texttimes{}"),
        ("5.9–6.1", "5.9--6.1"),
        ("a--b", "a{-}{-}b"),
        ("[x]*", "{[}x{]}{*}"),
        ("two\n lines", "two lines"),
        ("日本", r"\textquestiondown{}\textquestiondown{}"),
        ("Müller", "Müller"),
        ("\u202e\x07", r"\textquestiondown{}\textquestiondown{}"),
    ],
)
def test_no_character_has_a_meaning(text: str, expected: str) -> None:
    assert latex.escape(text) == expected


def test_hostile_text_adds_no_command_and_no_cell() -> None:
    text = table(doc.Row((doc.Cell(EVERYTHING, (EVERYTHING,)), FORMULA, r"\end{document} & \write18{ls}")))
    assert environments(text) == ["table", "tabular", "tabular"]
    assert r"\write18" not in text
    last = next(line for line in text.splitlines() if "HYPERLINK" in line)
    assert len(re.findall(r"(?<!\\)&", last)) == 2


def test_a_group_stands_once_above_its_columns() -> None:
    text = table(doc.Row(("m", 1, 2)))
    assert r" & \multicolumn{2}{c}{wasm\_simd} \\ \cmidrule(lr){2-3}" in text
    assert r"Model & Setup, ms & Prediction, ms \\" in text
    for rule in ("toprule", "midrule", "bottomrule"):
        assert text.count(f"\\{rule}\n") == 1


def test_a_cell_over_several_columns_takes_their_place() -> None:
    text = table(doc.Row(("m", doc.Cell("unsupported", ("note 1",), span=2))))
    assert r"m & \multicolumn{2}{c}{" in text
    assert "note 1" in text


def test_an_unknown_value_is_a_dash() -> None:
    assert "m & -- & 2 \\\\" in table(doc.Row(("m", None, 2)))


def test_a_long_table_is_divided() -> None:
    text = table(*(doc.Row((f"m{number}", 1, 2)) for number in range(45)))
    assert environments(text) == ["table", "tabular"] * 3
    assert "Caption, part 3 of 3" in text
    assert all(f"m{number} &" in text for number in range(45))


def test_a_long_text_gets_lines_that_break() -> None:
    columns = (doc.Column("What", "name"), doc.Column("Text"))
    assert "p{0.45\\textwidth}" in table(doc.Row(("a", "word " * 20)), columns=columns)


def test_a_whole_document_can_be_compiled() -> None:
    blocks = (doc.Table("t", COLUMNS, (doc.Row(("m", 1, 2)),), "Caption"), doc.Items(("[optional]",)))
    made = doc.Document("Title", "2026", "run", "", (doc.Section("s", "Section & more", blocks, mark="virtual: CPU"),))
    text = latex.render(made)
    assert text.startswith("\\documentclass")
    assert text.endswith("\\end{document}\n")
    assert environments(text) == ["document", "table", "tabular", "itemize"]
    assert r"\usepackage{booktabs}" in text
    assert r"\section*{Section \& more (virtual)}" in text
    assert r"\caption{Caption (virtual)}" in text
    assert r"\item {[}optional{]}" in text
