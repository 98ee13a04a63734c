"""Traces in every form of the report: where they lie, and why one is missing. Their times stand nowhere."""

from __future__ import annotations

from functools import cache

import pytest

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Case, Run, TraceFile, Verdict
from tests.analysis import example, pages
from tests.analysis.watching import planned_pass
from tests.report import rendering
from tests.report.test_html import Page

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
    told = pages.answer(pages.WASM, seed=9)
    slow = told.model_copy(
        update={"pass_": "trace", "trace": trace(complete), "prediction_ms": [98_765.0] * 3, "warmup_ms": [87_654.0]}
    )
    verdict = Verdict(status="valid") if complete else Verdict(status="suspect", reasons=["the buffer was full"])
    traced = [example.measured(plans[0], slow, verdict=verdict), example.unmeasured(plans[1], "unsupported", WHY)]
    return whole.model_copy(
        update={"planned": [*(block.planned for block in kept), *plans], "blocks": [*kept, *traced]}
    )


@cache
def summary() -> RunSummary:
    return summarise(run())


def terminal(of: RunSummary) -> str:
    return " ".join(rendering.terminal(of).split())


def test_the_page_links_to_the_file_beside_it() -> None:
    text = rendering.html(summary())
    [(attributes, words)] = [link for link in Page(text).of("a") if link[1] == NAME]
    assert attributes["href"] == f"traces/{NAME}"
    assert words == NAME
    assert "Trace of" in text
    assert WHY in text


def test_the_markdown_names_the_file_and_says_why_one_is_missing() -> None:
    text = rendering.markdown(summary())
    assert f"valid `traces/{NAME}` 3.00 MiB" in text
    assert WHY in text


def test_the_terminal_says_why_one_is_missing() -> None:
    text = terminal(summary())
    assert "unsupported trace of tflite cpu xnnpack" in text
    assert f"mobilenet_v2: {WHY}" in text


def test_a_trace_without_its_end_is_told() -> None:
    found = summarise(run(complete=False))
    assert "without its end" in rendering.html(found)
    assert "without its end" in rendering.markdown(found)


@pytest.mark.parametrize("timed", [True, False])
def test_times_under_a_trace_stand_nowhere(timed: bool) -> None:
    found = summarise(run(timed=timed))
    shown = [rendering.html(found), rendering.markdown(found), rendering.results(found), terminal(found)]
    assert not any(number in text for text in shown for number in ("98765", "98,765", "98.8", "87654", "87.7"))
    assert ("prediction" in found.targets[0].cases[0].stages) == timed
