"""The section about pages: setup by part with downloads, compilation and read-back."""

from __future__ import annotations

import random
from functools import cache

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.report import document as doc
from mobilebench.report.figures.stages import stages
from mobilebench.report.sections import gaps
from mobilebench.report.sections.pages import section
from tests.analysis import example, pages
from tests.report.sections import reading


@cache
def summary() -> RunSummary:
    return summarise(pages.page_run())


def test_setup_has_its_parts_with_bytes_path_and_share() -> None:
    shipped, plain, warm, webgl = reading.rows(reading.only(section, summary()), "setups")
    assert plain == {
        "Case": "tfjs wasm simd (2 threads; chrome)",
        "Setup": "241",
        "Framework download": "35.6",
        "Framework start": "59.9",
        "Model download": "48.8",
        "Model start": "96.4",
        "Downloads": "35.1 % (of setup)",
        "Received": "5.00 MB (59.2 MB/s; path loopback)",
    }
    assert (shipped["Setup"], shipped["Model start"]) == ("240 (as shipped)", "–")
    assert shipped["Received"] == "5.00 MB (path shaped)"
    assert warm["Received"] == "nothing (path loopback; 5.00 MB from caches)"
    assert webgl["Case"] == "tfjs webgl software (2 threads; chrome)"


def test_inferences_have_their_compilation_and_read_back() -> None:
    one = reading.only(section, summary())
    *wasm, webgl = reading.rows(one, "inferences")
    assert webgl == {
        "Case": "tfjs webgl software (2 threads; chrome)",
        "First inference": "915",
        "Compilation": "94.0 (10.3 %; 94.0; 12 shaders, 6 pipelines)",
        "Prediction": "158",
        "Read-back": "143 (90.0 %; 142–143)",
    }
    assert {row["Compilation"] for row in wasm} == {"–"}


def test_the_terminal_leaves_out_read_back_that_is_almost_nothing() -> None:
    (row,) = reading.rows(reading.only(section, summary()), "inferences", "terminal")
    assert (row["Case"], row["Share read back"]) == ("tfjs webgl software (2 threads; chrome)", "90.0 %")


def test_compilation_has_no_column_if_nothing_was_compiled() -> None:
    run = summarise(pages.run_of([(pages.WASM, pages.answer(pages.WASM, read_back=0.01))]))
    (row,) = reading.rows(reading.only(section, run), "inferences")
    assert "Compilation" not in row


def test_a_run_without_pages_has_no_such_section() -> None:
    native = example.measurement(pages.NATIVE, example.SHAPES["tflite", "xnnpack"], random.Random(1))
    assert reading.model_sections(section, summarise(pages.run_of([(pages.NATIVE, native)]))) == []


def test_the_picture_of_stages_has_the_setup_of_an_engines_own_loader() -> None:
    figure = stages(summary().targets[0].cases, None)
    assert figure is not None
    assert any("all of setup by the engine's own loader 240" in value for _, value in figure.data)


def test_gaps_distinguish_cases_that_differ_only_in_how_they_load() -> None:
    names = [row["Web case"] for row in reading.rows(reading.only(gaps.section, summary()), "gaps")]
    assert len(set(names)) == len(names) == 4
    assert any("warm caches" in name for name in names)
    assert any("link 4g; as-shipped" in name for name in names)


def test_titles_of_folds_say_what_is_inside() -> None:
    one = reading.only(section, summary())
    folds = [doc.plain(block.title) for block in one.blocks if isinstance(block, doc.Fold)]
    assert folds == [
        "Setup of pages by part, and what they downloaded", "Inferences of pages, with compilation and read-back",
    ]  # fmt: skip
