"""The tables of the study and the comparison with published numbers, as they are shown."""

from __future__ import annotations

import csv
import io
from functools import cache

import pytest

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.reference.published import load
from mobilebench.report import document as doc
from mobilebench.report import html
from mobilebench.report.compose import document, table_files
from mobilebench.report.sections import study as section
from mobilebench.report.views import view
from tests.analysis import example, study
from tests.report.hostile import hostile_run
from tests.report.test_html import Page

PLAIN, SIMD, THREADS = (study.web("tfjs", build) for build in ("plain", "simd", "threads"))
REASON = "TensorFlow.js has no build with threads and without SIMD"


def tables(summary: RunSummary) -> dict[str, doc.Table]:
    made = section.tables(view(summary, ()))
    assert made is not None
    return {block.name: block for block in doc.all_blocks((made,), "html") if isinstance(block, doc.Table)}


def cells(table: doc.Table, row: int) -> list[doc.Cell]:
    return [cell for _, cell in doc.cells(table, table.rows[row], "html")]


@cache
def files() -> dict[str, str]:
    kernels = {PLAIN: {"FusedConv2D": (3.0, 1.0)}, SIMD: {"FusedConv2D": (1.0, 1.0)}}
    times: study.Times = {
        PLAIN: [9.0, 9.1, 9.2],
        SIMD: [3.0, 3.1, 3.1],
        THREADS: REASON,
        study.native("onnxruntime"): [2.9],
        study.native("tflite"): [2.0, 2.1, 2.1],
    }
    return table_files(study.summary(times, kernels=kernels), load("tosem2025"))


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files()[name])))


def test_an_unsupported_cell_says_so_and_its_reason_is_in_a_note() -> None:
    table = tables(study.summary({PLAIN: [9.0], THREADS: REASON}))["study-wasm-tfjs-chrome"]
    *_, last = cells(table, 0)
    assert (last.text, last.details, last.span) == ("unsupported", ("note 1",), 3)
    assert f"Note 1: {REASON}." in table.note


def test_a_cell_that_was_not_measured_is_a_dash() -> None:
    small = study.web("tfjs", "simd", model="bert_small")
    table = tables(study.summary({PLAIN: [9.0], SIMD: [3.0], small: [1.0]}))["study-wasm-tfjs-chrome"]
    assert [cell.text for cell in cells(table, 0)][1:4] == ["–", "–", "–"]


def test_a_number_has_its_interval_and_a_suspect_one_is_marked() -> None:
    times = {PLAIN: [9.0, 9.1, 9.2], SIMD: [3.0, 3.1, 3.1]}
    table = tables(study.summary(times, suspect=[SIMD]))["study-wasm-tfjs-chrome"]
    own, doubtful = cells(table, 0)[3], cells(table, 0)[6]
    assert len(own.details) == 1
    assert "–" in str(own.details[0])
    assert doubtful.details[-1] == "suspect"


def test_means_stand_below_the_models() -> None:
    small = study.web("tfjs", "plain", model="bert_small")
    table = tables(study.summary({PLAIN: [9.0], small: [4.0]}))["study-wasm-tfjs-chrome"]
    assert [row.cells[0].text for row in table.rows if isinstance(row.cells[0], doc.Cell)] == [
        "bert_small", "mobilenet_v2", "Geometric mean", "Arithmetic mean",
    ]  # fmt: skip
    assert [cell.text for cell in cells(table, 2)][-1] == "6.00"
    assert [cell.text for cell in cells(table, 3)][-1] == "6.50"


def test_a_gpu_is_never_a_column_without_its_backend() -> None:
    cases = [study.gpu("tfjs", "webgl", "hardware"), study.gpu("ortjs", "webgpu", "integrated")]
    table = tables(study.summary({case: [1.0] for case in cases}))["study-gpu-chrome"]
    groups = [name for name, _ in doc.groups(table, "html") if name]
    assert ["webgl" in name or "webgpu" in name for name in groups] == [True, True]


def test_the_report_has_them_folded_and_only_in_the_page() -> None:
    made = document(summarise(example.example_run()))
    study_section = next(one for one in made.sections if one.name == "study")
    blocks = [block for inner in study_section.sections for block in inner.blocks]
    assert blocks
    assert all(isinstance(block, doc.Fold) and not block.open and block.forms == doc.HTML for block in blocks)


def test_tables_of_a_virtual_target_are_marked() -> None:
    text = table_files(summarise(example.example_run()))["tables.html"]
    captions = [text for _, text in Page(text).of("caption")]
    assert {"virtual" in caption for caption in captions if example.PHONES[0].name in caption} == {True}
    assert {"virtual" in caption for caption in captions if "example-pc" in caption} == {False}


def test_every_form_is_written() -> None:
    assert set(files()) == {
        "tables.html", "tables.md", "tables.tex", "study.csv", "study_gaps.csv", "study_kernels.csv",
        "against_tosem2025.csv",
    }  # fmt: skip
    for name in ("tables.html", "tables.md", "tables.tex"):
        for caption in ("WebAssembly builds of tfjs in chrome", "Times beside the published ones"):
            assert caption in files()[name], name


def test_numbers_of_csv_files_are_in_full() -> None:
    found = {(row["wasm_build"], row["stage"], row["statistic"]): row for row in rows("study.csv")}
    case = found["plain", "prediction", "case"]
    assert float(case["low_ms"]) < float(case["ms"]) < float(case["high_ms"])
    assert found["threads", "prediction", "case"]["outcome"] == "unsupported"
    assert found["threads", "prediction", "case"]["reasons"] == REASON
    gap = next(row for row in rows("study_gaps.csv") if (row["against"], row["stage"]) == ("plain wasm", "prediction"))
    assert float(gap["lowest"]) == float(gap["highest"]) == pytest.approx(float(gap["geometric_mean"]))
    mean = [row for row in rows("study_kernels.csv") if not row["model"] and row["wasm_build"] == "simd"]
    assert float(mean[0]["change_against_plain"]) == pytest.approx(1 / 3)


def test_each_cell_beside_a_published_one_is_a_row() -> None:
    found = {
        (row["engine"], row["wasm_build"], row["stage"], row["kernel"]): row for row in rows("against_tosem2025.csv")
    }
    own = found["onnxruntime", "", "prediction", ""]
    assert (float(own["published"]), float(own["ratio"]), own["table"]) == (2.9, pytest.approx(1.0), "1")
    threads = found["tfjs", "threads", "prediction", ""]
    assert (threads["status"], threads["own"], threads["ratio"], bool(threads["doubt"])) == (
        "unsupported",
        "",
        "",
        True,
    )
    share = found["tfjs", "simd", "prediction", "FusedConv2D"]
    assert (share["unit"], float(share["own"]), float(share["published"])) == ("%", 100.0, 44.3)


def test_no_word_judges() -> None:
    text = files()["tables.md"].partition("Against published")[2].lower()
    assert "nothing about which is better" in text
    assert all(
        word not in text.replace("which is better", "") for word in ("better", "faster", "slower", "worse", "wins")
    )


def test_what_has_no_counterpart_is_listed() -> None:
    text = files()["tables.md"]
    assert "tflite cpu xnnpack" in text.partition("without a published counterpart")[2]
    assert "table 8: tflite native gpu mobile: 27 cells" in text


def test_hostile_names_stay_text() -> None:
    made = table_files(summarise(hostile_run()), load("tosem2025"))
    assert len(Page(made["tables.html"]).of("script")) == 1
    assert "<script" not in made["tables.md"]
    assert not set("\x1b\x07\u202e") & set("".join(made.values()))
    cells = [cell for name in made if name.endswith(".csv") for cell in made[name].replace("\r\n", ",").split(",")]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_a_run_without_cases_has_no_tables() -> None:
    summary = study.summary({})
    assert section.section(view(summary, ())) is None
    assert set(table_files(summary)) == {"tables.html", "tables.md", "tables.tex"}


def test_a_reference_without_counterparts_says_so() -> None:
    made = document(study.summary({SIMD: [1.0]}), reference=load("www2019"))
    assert "No case of this run has a published counterpart." in html.render(made)
