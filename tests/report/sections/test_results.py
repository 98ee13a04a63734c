"""The sections of results, gaps and the run as a whole, with `results.csv` and `gaps.csv`."""

from __future__ import annotations

from functools import cache

import pytest

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Run
from mobilebench.report import document as doc
from mobilebench.report.sections import gaps, glance, head, repeat, results, targets, wall_time
from tests.analysis import example, pages
from tests.pinning import Pinned
from tests.report.sections import reading

HEADER = [
    "run", "target", "virtual", "soc", "engine", "backend", "wasm_build",
    "delegate", "arithmetic", "gpu", "device_type", "threads", "browser", "model",
    "precision", "batch", "stage", "geometric_mean_ms", "low_ms", "high_ms", "blocks",
    "samples", "outcome", "verdict", "reasons",
]  # fmt: skip


@cache
def summary() -> RunSummary:
    return summarise(example.example_run())


def test_results_have_a_row_for_each_case_that_ran_with_its_verdict() -> None:
    one = reading.only(results.section, summary())
    rows = {row["Case"].split(" (")[0]: row for row in reading.rows(one, "results")}
    assert rows["tflite cpu xnnpack"]["Verdict"].startswith("valid")
    assert rows["ortjs wasm simd-threads"]["Prediction"] == "–"
    assert rows["ortjs wasm simd-threads"]["Verdict"].startswith("invalid (")
    assert "limit 1e-4" in rows["ortjs wasm simd-threads"]["Verdict"]
    assert [figure.title for figure in reading.blocks(one, doc.Figure)] == ["Prediction", "Stages"]


def test_cases_without_a_measurement_are_listed_with_their_reason() -> None:
    one = reading.only(results.section, summary(), model="bert_small")
    assert not any("webgl hardware" in row["Case"] for row in reading.rows(one, "results"))
    (missing,) = (block for block in reading.blocks(one, doc.Remarks) if block.name == "left-out")
    (remark,) = missing.remarks
    assert (remark.status, remark.subject.label) == ("unsupported", "tfjs webgl hardware, 1 thread, chrome")
    assert remark.reasons[0].startswith("This computer has no GPU")


def test_the_csv_file_of_results_has_a_row_for_each_case_and_stage() -> None:
    rows = reading.csv_rows(results.data, summary())
    assert list(rows[0])[: len(HEADER)] == HEADER
    assert len(rows) == 3 * len({plan.case.key for plan in example.example_run().planned})
    assert {row["outcome"] for row in rows} == {"measured", "failed", "unsupported"}
    for row in rows:
        numbers = [row[name] for name in ("low_ms", "geometric_mean_ms", "high_ms") if row[name] is not None]
        assert numbers == sorted(numbers)
        assert row["virtual"] == row["soc"].startswith("virtual: ")
        assert row["soc"].endswith(example.CPU)


def test_the_csv_file_of_results_has_what_pages_spent_within_their_stages() -> None:
    found = {
        (row["backend"], row["caches"], row["loader"], row["stage"]): row
        for row in reading.csv_rows(results.data, summarise(pages.page_run()))
    }
    first, later = (found["webgl", "as found", "split", stage] for stage in ("warmup", "prediction"))
    assert (first["shaders"], first["pipelines"], first["compilation_ms"]) == (12.0, 6.0, 94.0)
    assert 0 < first["compilation_share"] < 1
    assert first["readback_ms"] is later["compilation_ms"] is None
    assert later["readback_share"] == pytest.approx(0.9)
    setup = found["wasm", "warm", "split", "setup"]
    assert (setup["download_bytes"], setup["cached_bytes"], setup["download_path"]) == (0.0, 5_000_000.0, "loopback")
    assert setup["framework_download_ms"] > 0
    assert setup["as_shipped_ms"] is setup["library_load_ms"] is None
    shipped = found["wasm", "as found", "as-shipped", "setup"]
    assert (shipped["as_shipped_ms"], shipped["framework_init_ms"]) == (240.0, None)
    assert (shipped["download_share"], shipped["download_path"], shipped["link"]) == (None, "shaped", "4g")
    native = found["cpu", "as found", "split", "setup"]
    assert not any(native[name] for name in ("download_path", "download_bytes", "shaders", "as_shipped_ms"))


def test_the_csv_file_of_gaps_has_every_pair_of_a_web_and_a_native_case() -> None:
    rows = reading.csv_rows(gaps.data, summary())
    found = [row for row in rows if row["target"] == "host" and row["model"] == "mobilenet_v2"]
    assert {row["native"] for row in found} == {"tflite cpu xnnpack, 2 threads", "onnxruntime cpu, 2 threads"}
    for row in found:
        assert bool(row["ratio"]) != bool(row["refusal"])
        if row["ratio"]:
            assert row["lowest_round"] <= row["ratio"] <= row["highest_round"]
    assert {row["native"] for row in found if row["fastest_native"]} == {"tflite cpu xnnpack, 2 threads"}
    assert gaps.data(reading.run_view(summarise(pages.run_of([])))) is None


def test_a_gap_that_is_refused_names_the_field() -> None:
    rows = {row["Web case"].split(" (")[0]: row for row in reading.rows(reading.only(gaps.section, summary()), "gaps")}
    assert rows["ortjs wasm simd-threads"]["Setup"] == "not compared (verdict: ortjs wasm simd-threads is invalid.)"
    assert rows["tfjs wasm simd-threads"]["Prediction, equal threads"].endswith("(against tflite, 2 threads)")
    assert rows["tfjs wasm simd"]["Prediction, equal threads"] == "– (no native case with 1 thread)"


def test_the_glance_has_the_fastest_case_of_either_side() -> None:
    section = glance.section(reading.run_view(summary()))
    assert section is not None
    first = reading.rows(section, "glance")[0]
    assert first["Target and model"] == "bert_small (fp32, batch 1; example-pc (host))"
    assert first["Native"].endswith("(tflite cpu xnnpack, 2 threads)")
    assert first["Web"].endswith("(tfjs wasm simd-threads, 2 threads)")


def test_targets_have_what_each_machine_reported() -> None:
    section = targets.section(reading.run_view(summary()))
    assert section is not None
    host, phone, _ = reading.rows(section, "targets")
    assert (host["Target"], host["Imitates"]) == ("example-pc (host)", "–")
    assert (phone["Imitates"], phone["Battery"]) == ("Snapdragon 8 Gen 2", "83 %")
    assert phone["Filed under"] == f"virtual: {example.CPU}"


def test_the_head_counts_names_the_rules_and_warns_of_virtual_targets(pinned: Pinned) -> None:
    made = head.document(reading.run_view(summary()), ())
    pinned(made.title)
    assert summary().rules
    text = reading.words(made.head)
    assert all(sentence in text for sentence in summary().rules)
    (notice,) = (block for block in made.head if isinstance(block, doc.Note) and block.forms == doc.HTML)
    assert (notice.kind, len(notice.lines)) == ("virtual", 2)
    pinned(doc.plain(notice.lines[0]))


def test_an_interrupted_run_says_how_to_continue(pinned: Pinned) -> None:
    run = example.example_run()
    info = run.info.model_copy(update={"status": "interrupted"})
    stopped = summarise(run.model_copy(update={"info": info, "blocks": run.blocks[:5]}))
    (notice,) = (block for block in head.document(reading.run_view(stopped), ()).head if isinstance(block, doc.Note)
                 and block.kind == "unfinished")  # fmt: skip
    pinned(doc.plain(notice.lines[0]))


@pytest.mark.parametrize("number", [0, 3])
def test_a_run_that_measured_nothing_is_still_a_report(number: int) -> None:
    info = example.info([example.host(), *example.PHONES][:number])
    nothing = summarise(Run(info=info, planned=[], blocks=[]))
    section = wall_time.section(reading.run_view(nothing))
    assert section is not None
    assert reading.blocks(section, doc.Paragraph)[0].text == "No block was run."
    assert glance.section(reading.run_view(nothing)) is None
    assert reading.whole(nothing)


def test_the_command_is_repeatable_and_quoted() -> None:
    assert repeat.repeat_command(summary()) == "mobilebench run --serial all --suite quick --seed 42"
    spaced = example.example_run().info.model_copy(update={"command": ["/usr/bin/mobilebench", "run", "--out", "a b"]})
    run = example.example_run().model_copy(update={"info": spaced})
    assert repeat.repeat_command(summarise(run)) == "mobilebench run --out 'a b' --seed 42"
