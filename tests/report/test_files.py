from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Run
from mobilebench.report.compose import write
from mobilebench.report.markdown import escape
from tests.analysis import example, pages
from tests.pinning import Pinned
from tests.report import rendering
from tests.report.hostile import hostile_run
from tests.results.making import planned, run_info, unsupported

HEADER = (
    "run,target,virtual,soc,engine,backend,wasm_build,delegate,arithmetic,gpu,device_type,threads,browser,model,precision,batch,stage,"
    "median_ms,low_ms,high_ms,blocks,samples,outcome,verdict,reasons"
)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def terminal(width: int, *, colour: bool = False, hostile: bool = False) -> str:
    summary = summarise(hostile_run() if hostile else example.example_run())
    return rendering.terminal(summary, width, colour=colour)


def test_its_files_are_written_whole(tmp_path: Path) -> None:
    files = write(example.example_run(), tmp_path / "new" / "folder")
    assert [files.html.name, files.markdown.name, *files.tables] == [
        "report.html",
        "report.md",
        "results.csv",
        "gaps.csv",
    ]
    assert sorted(os.listdir(files.html.parent)) == ["gaps.csv", "report.html", "report.md", "results.csv"]
    assert files.html.read_text(encoding="utf-8").endswith("</html>\n")


def test_page_and_text_name_the_rules_that_judged(tmp_path: Path) -> None:
    summary = summarise(example.example_run())
    assert summary.rules
    for sentence in summary.rules:
        assert sentence in rendering.markdown(summary).replace("\\", "")
        assert sentence in rendering.html(summary)


@pytest.mark.slow
def test_writing_again_replaces(tmp_path: Path) -> None:
    write(example.example_run(), tmp_path)
    assert write(example.example_run(seed=8), tmp_path).tables["results.csv"].read_text() != rendering.results(
        summarise(example.example_run())
    )


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path, pinned: Pinned) -> None:
    (tmp_path / "file").write_text("")
    with pinned.raises(BadInput) as caught:
        write(example.example_run(), tmp_path / "file" / "under")
    assert caught.value.hint


def test_csv_has_a_row_for_each_case_and_stage() -> None:
    run = example.example_run()
    text = rendering.results(summarise(run))
    found = rows(text)
    assert text.startswith(HEADER)
    assert len(found) == 3 * len({plan.case.key for plan in run.planned})
    assert {row["outcome"] for row in found} == {"measured", "failed", "unsupported"}
    for row in found:
        numbers = [float(row[name]) for name in ("low_ms", "median_ms", "high_ms") if row[name]]
        assert numbers == sorted(numbers)


def test_csv_files_virtual_targets_under_this_cpu() -> None:
    for row in rows(rendering.results(summarise(example.example_run()))):
        assert (row["virtual"] == "true") == row["soc"].startswith("virtual: ")
        assert row["soc"].endswith(example.CPU)


def test_csv_text_is_no_formula_and_one_line() -> None:
    found = rows(rendering.results(summarise(hostile_run())))
    assert not any(cell.startswith(("=", "+", "-", "@")) or "\n" in cell for row in found for cell in row.values())
    assert any(row["reasons"].startswith("'=HYPERLINK") for row in found)


def test_markdown_shows_targets_results_gaps_and_marks() -> None:
    text = rendering.markdown(summarise(example.example_run()))
    assert text.startswith("# 3 targets, 2 models: 22 of 27 cases are valid\n")
    assert text.count("> **virtual**:") == 2
    assert "## Example Phone 8 (virtual)\n\n127.0.0.1:15555 · filed under virtual: " in text
    assert "### mobilenet_v2 fp32, batch 1 (virtual)" in text
    assert "| tfjs wasm simd-threads, 2 threads, chrome | " in text
    assert "unsupported: This computer has no GPU" in text
    assert "    mobilebench run --serial all --suite quick --seed 42" in text


def test_markdown_tables_are_rectangular_even_with_hostile_text() -> None:
    for run in (example.example_run(), hostile_run()):
        width = 0
        for line in rendering.markdown(summarise(run)).splitlines():
            edges = line.replace("\\\\", "").replace("\\|", "").count("|") if line.startswith("|") else 0
            assert width in (0, edges) or not edges
            width = edges


def test_markdown_escapes_what_a_device_says() -> None:
    text = "\n".join(
        line for line in rendering.markdown(summarise(hostile_run())).splitlines() if not line.startswith("    ")
    )
    assert "<script" not in text
    assert "](" not in text.replace("\\](", "")
    assert "@someone" not in text
    assert "https://" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("mobilenet_v2", "mobilenet_v2"),
        ("_x_", "\\_x\\_"),
        ("a\n\n# b", "a # b"),
        ("a|b", "a\\|b"),
        ("<b>", "&lt;b&gt;"),
        ("CPU @ 2 GHz", "CPU @ 2 GHz"),
    ],
)
def test_markdown_text(raw: str, escaped: str) -> None:
    assert escape(raw) == escaped


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_table_fits(width: int) -> None:
    text = terminal(width)
    assert max(map(len, text.splitlines())) <= width
    assert re.search(r"^ tfjs wasm simd-threads +2 ", text, re.MULTILINE)
    assert "prediction" in text
    assert "unsupported" in text
    assert "…" not in text


def test_the_terminal_says_verdicts_and_virtual_in_words() -> None:
    text = terminal(100)
    assert text.count("VIRTUAL ") == 2
    for word in ("valid", "suspect", "invalid", "failed", "unsupported", "no GPU", "22 valid, 2 suspect"):
        assert word in text


def test_a_device_cannot_steer_the_terminal() -> None:
    text = terminal(100, colour=True, hostile=True)
    assert "\x1b]" not in text
    assert "\x07" not in text
    assert "\u202e" not in text


def test_a_reason_that_several_models_share_is_told_once() -> None:
    plan = [
        planned(number, model=name, threads=threads)
        for number, (name, threads) in enumerate([("a", 1), ("b", 1), ("a", 2)])
    ]
    blocks = [unsupported(block, "there is no GPU") for block in plan]
    text = rendering.terminal(summarise(Run(info=run_info("r1"), planned=plan, blocks=blocks)), 160)
    told = [line for line in text.splitlines() if "there is no GPU" in line]
    assert told == ["unsupported tflite cpu xnnpack, a, b: there is no GPU"]


def test_csv_tells_what_pages_spent_within_their_stages() -> None:
    found = {
        (row["backend"], row["caches"], row["loader"], row["stage"]): row
        for row in rows(rendering.results(summarise(pages.page_run())))
    }
    first, later = (found["webgl", "as found", "split", stage] for stage in ("warmup", "prediction"))
    assert (first["shaders"], first["pipelines"], first["compilation_ms"]) == ("12.0", "6.0", "94.0")
    assert 0 < float(first["compilation_share"]) < 1
    assert (first["readback_ms"], later["compilation_ms"]) == ("", "")
    assert float(later["readback_share"]) == pytest.approx(0.9)
    setup = found["wasm", "warm", "split", "setup"]
    assert (setup["download_bytes"], setup["cached_bytes"], setup["download_path"]) == ("0.0", "5000000.0", "loopback")
    assert float(setup["framework_download_ms"]) > 0
    assert (setup["as_shipped_ms"], setup["library_load_ms"]) == ("", "")
    shipped = found["wasm", "as found", "as-shipped", "setup"]
    assert (shipped["as_shipped_ms"], shipped["framework_init_ms"]) == ("240.0", "")
    assert (shipped["download_share"], shipped["download_path"], shipped["link"]) == ("", "shaped", "4g")
    native = found["cpu", "as found", "split", "setup"]
    assert not any(native[name] for name in ("download_path", "download_bytes", "shaders", "as_shipped_ms"))


def test_every_pair_of_a_web_and_a_native_case_is_in_a_file() -> None:
    text = rendering.table(summarise(example.example_run()), "gaps.csv")
    assert text is not None
    found = [row for row in rows(text) if row["target"] == "host" and row["model"] == "mobilenet_v2"]
    assert {row["native"] for row in found} == {"tflite cpu xnnpack, 2 threads", "onnxruntime cpu, 2 threads"}
    for row in found:
        assert bool(row["ratio"]) != bool(row["refusal"])
        if row["ratio"]:
            assert float(row["lowest_round"]) <= float(row["ratio"]) <= float(row["highest_round"])
    assert {row["native"] for row in found if row["fastest_native"] == "true"} == {"tflite cpu xnnpack, 2 threads"}
    assert rendering.table(summarise(pages.run_of([])), "gaps.csv") is None
