"""The document model: a new section is one builder, and every form of the report shows it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache

import pytest
from rich.console import Console

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.report import csv_files, html, markdown, terminal
from mobilebench.report import document as doc
from mobilebench.report.compose import MODEL_SECTIONS, SECTIONS, document
from mobilebench.report.figures import theme
from mobilebench.report.views import ModelSection, ModelView, RunSection, RunView
from tests.analysis import example
from tests.report.hostile import EVERYTHING, FORMULA
from tests.report.test_html import Page

COLUMNS = (doc.Column("Case", "name"), doc.Column("Frames", "number"), doc.Column("Verdict"))


@cache
def example_summary() -> RunSummary:
    return summarise(example.example_run())


def forms(
    sections: Sequence[RunSection] = SECTIONS, model_sections: Sequence[ModelSection] = MODEL_SECTIONS
) -> dict[doc.Form, str]:
    """The example run's report in all its forms, with these sections."""
    made = document(example_summary(), sections, model_sections)
    console = Console(width=120, file=io.StringIO())
    console.print(terminal.render(made))
    assert isinstance(console.file, io.StringIO)
    return {
        "html": html.render(made),
        "markdown": markdown.render(made),
        "csv": "\n".join(f"{name}\n{text}" for name, text in csv_files.render(made).items()),
        "terminal": console.file.getvalue(),
    }


def frames(view: ModelView) -> doc.Section | None:
    """A section of a model, as a module under `sections/` would hold it."""
    row = doc.Row(
        (doc.Cell("page", ("chrome",)), doc.Cell("59.8 fps", ("58–60",), 59.75), doc.Cell(doc.StatusWord("valid")))
    )
    return doc.Section("frames", "Frames a second", (doc.Table("frames", COLUMNS, (row,), "Frames", csv="frames.csv"),))


def test_a_section_of_a_model_shows_in_every_form() -> None:
    shown = forms(model_sections=[frames])
    assert '<span class="small">58–60</span>' in shown["html"]
    assert "| page, chrome | 59.8 fps (58–60) | valid |" in shown["markdown"]
    assert shown["csv"].count("page,59.75,valid\r\n") == 6
    assert shown["csv"].count("frames.csv\nCase,Frames,Verdict\r\n") == 1
    assert shown["terminal"].count(" 59.8 fps valid") == 6


def test_the_terminal_joins_the_tables_of_a_targets_models() -> None:
    shown = forms(model_sections=[frames])["terminal"]
    assert shown.count("Frames a second") == shown.count(" frames ") == 3
    assert shown.count("bert_small fp32, batch 1") == shown.count("mobilenet_v2 fp32, batch 1") == 3


def test_everything_inside_a_virtual_target_is_marked() -> None:
    page = Page(forms(model_sections=[frames])["html"])
    assert (
        sorted("virtual" in text for _, text in page.of("caption") if text.startswith("Frames"))
        == [False] * 2 + [True] * 4
    )


SUBJECT = doc.Subject("tfjs wasm simd, 1 thread", "tfjs wasm simd", "tfjs", "bert_small")
BLOCKS = {
    "paragraph": doc.Paragraph("WORDS"),
    "sentence": doc.Paragraph(doc.Sentence("see `WORDS`")),
    "note": doc.Note("unfinished", ("WORDS",)),
    "items": doc.Items(("WORDS", "more")),
    "facts": doc.Facts((doc.Fact("name", "WORDS"),)),
    "command": doc.Command("WORDS"),
    "figure": doc.Figure(
        "Frames", "a second", theme.chart([], height=10, description="WORDS"), (("page", "WORDS"),), csv="f.csv"
    ),
    "remarks": doc.Remarks("r", (doc.Remark(SUBJECT, "invalid", ("WORDS",)),)),
    "table": doc.Table("t", (doc.Column("A"),), (doc.Row(("WORDS",)),), csv="t.csv"),
}


@pytest.mark.parametrize("kind", BLOCKS)
def test_every_kind_of_block_shows_its_words_in_every_form(kind: str) -> None:
    def mine(view: RunView) -> doc.Section:
        return doc.Section("mine", "Mine", (BLOCKS[kind],))

    tables = {"figure", "table"}
    for form, text in forms(sections=[mine]).items():
        assert ("WORDS" in text) == (form != "csv" or kind in tables), form


@pytest.mark.parametrize("form", [doc.HTML, doc.MARKDOWN, doc.CSV, doc.TERMINAL])
def test_a_block_shows_only_in_the_forms_that_it_names(form: frozenset[doc.Form]) -> None:
    def mine(view: RunView) -> doc.Section:
        table = doc.Table("t", (doc.Column("A"),), (doc.Row(("TABLE",)),), csv="t.csv", forms=form)
        return doc.Section("mine", "TITLE OF IT", (table, doc.Paragraph("WORDS", forms=form - doc.CSV)))

    for name, text in forms(sections=[mine]).items():
        assert ("TABLE" in text) == (name in form)
        assert ("TITLE OF IT" in text) == (name in form - doc.CSV)


def test_untrusted_text_is_escaped_in_every_form() -> None:
    def mine(view: RunView) -> doc.Section:
        table = doc.Table(
            "t", (doc.Column("A"),), (doc.Row((doc.Cell(EVERYTHING, (EVERYTHING,)),)), doc.Row((FORMULA,))), csv="t.csv"
        )
        return doc.Section(
            "mine", EVERYTHING, (table, doc.Paragraph(doc.Sentence(EVERYTHING)), doc.Items((EVERYTHING,)))
        )

    shown = forms(sections=[mine])
    assert all(a.get("type") == "application/gzip" for a, _ in Page(shown["html"]).of("script")[:-2])
    assert "<script" not in shown["markdown"]
    assert f"\r\n'{FORMULA}\r\n" in shown["csv"]
    for form in ("html", "markdown", "terminal"):
        assert not set("\x1b\x07\u202e") & set(shown[form])


def test_a_cell_that_spans_columns_takes_their_place() -> None:
    table = doc.Table(
        "t",
        (doc.Column("A", "name"), doc.Column("B", forms=doc.HTML), doc.Column("C"), doc.Column("D")),
        (doc.Row(("a", doc.Cell("refused", span=2), "d")),),
    )
    found = [(column.title, cell.text) for column, cell in doc.cells(table, table.rows[0], "markdown")]
    assert found == [("A", "a"), ("C", "refused"), ("D", "d")]


@pytest.mark.parametrize(
    ("title", "label"),
    [("Peak RSS", "peak RSS"), ("RSS", "RSS"), ("FLOPs", "FLOPs"), ("WebAssembly.Memory", "WebAssembly.Memory")],
)
def test_titles_begin_small_within_a_line(title: str, label: str) -> None:
    assert doc.Column(title).label == label
