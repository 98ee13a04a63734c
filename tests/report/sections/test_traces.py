"""The section of traces: where the files are, and why one is missing. Times of traced blocks appear nowhere."""

from __future__ import annotations

import pytest

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Case, Run, TraceFile, Verdict
from mobilebench.report import document as doc
from mobilebench.report.sections.traces import section
from tests.analysis import example, pages
from tests.analysis.watching import planned_pass
from tests.report.sections import reading

NAME = "00009-host-tfjs-wasm-simd.json.gz"
WHY = "engine tflite has no trace pass"


def trace(complete: bool = True) -> TraceFile:
    return TraceFile(
        name=NAME,
        bytes=3 * 1024 * 1024,
        sha256="0" * 64,
        json_bytes=40_000_000,
        complete=complete,
        marks=["prediction", "setup", "warmup"],
        categories=["v8.wasm"],
    )


def run(complete: bool = True, timed: bool = True) -> Run:
    """A page and a native case, each timed and then to be traced."""
    whole = pages.page_run()
    chosen: tuple[Case, ...] = (pages.WASM, pages.NATIVE)
    kept = [block for block in whole.blocks if timed and block.planned.case in chosen]
    plans = [planned_pass(100 + number, case, "trace") for number, case in enumerate(chosen)]
    answer = pages.answer(pages.WASM, seed=9)
    slow = answer.model_copy(
        update={"pass_": "trace", "trace": trace(complete), "prediction_ms": [98_765.0] * 3, "warmup_ms": [87_654.0]}
    )
    verdict = Verdict(status="valid") if complete else Verdict(status="suspect", reasons=["the buffer was full"])
    traced = [example.measured(plans[0], slow, verdict=verdict), example.unmeasured(plans[1], "unsupported", WHY)]
    return whole.model_copy(
        update={"planned": [*(block.planned for block in kept), *plans], "blocks": [*kept, *traced]}
    )


def item(summary: RunSummary) -> tuple[doc.Span, ...]:
    (items,) = reading.blocks(reading.only(section, summary), doc.Items)
    (found,) = items.items
    assert isinstance(found, tuple)
    return found


def test_it_links_to_the_file_beside_the_report() -> None:
    found = item(summarise(run()))
    assert doc.Link(NAME, f"traces/{NAME}") in found
    assert doc.StatusWord("valid") in found
    assert doc.plain(found).endswith("3.00 MiB")


def test_a_missing_trace_has_its_reason_in_every_form() -> None:
    (missing,) = reading.blocks(reading.only(section, summarise(run())), doc.Remarks)
    (remark,) = missing.remarks
    assert (missing.what, missing.forms) == ("trace", doc.FORMS)
    assert (remark.status, remark.subject.engine, remark.reasons) == ("unsupported", "tflite cpu xnnpack", (WHY,))


def test_a_trace_without_its_end_is_marked() -> None:
    assert doc.plain(item(summarise(run(complete=False)))).endswith("3.00 MiB, without its end")


@pytest.mark.parametrize("timed", [True, False])
def test_times_under_a_trace_appear_nowhere(timed: bool) -> None:
    found = summarise(run(timed=timed))
    text = reading.whole(found)
    assert not any(number in text for number in ("98765", "98,765", "98 765", "98.8", "87654", "87 654", "87.7"))
    assert ("prediction" in found.targets[0].cases[0].stages) == timed
