"""What pages tell within their stages, and what proves that they ran, in every form of the report."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import pytest

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Proof
from mobilebench.report.document import Fact, plain
from mobilebench.report.sections.proof import proof_facts
from tests.analysis import example, pages
from tests.pinning import Pinned
from tests.report import rendering
from tests.report.rendering import terminal
from tests.report.test_html import Page


@cache
def summary() -> RunSummary:
    return summarise(pages.page_run())


@cache
def parsed() -> Page:
    return Page(rendering.html(summary()))


def table(page: Page, kind: str) -> str:
    (found,) = (text for attributes, text in page.of("table") if attributes.get("class") == f"stack {kind}")
    return " ".join(found.split())


def facts(groups: list[tuple[str, tuple[Fact, ...]]]) -> dict[str, str]:
    return {plain(fact.name): plain(fact.text) for _, group in groups for fact in group}


def test_setup_stands_by_part_with_bytes_path_and_share(pinned: Pinned) -> None:
    text = table(parsed(), "setups")
    pinned(text)
    assert "5.00 MB" in text
    pinned(text)


def test_the_first_inference_is_told_with_compilation_and_predictions_with_read_back(pinned: Pinned) -> None:
    text = table(parsed(), "inferences")
    pinned(text)
    assert "90.0 %" in text.replace("\u202f", " ")
    assert "tflite" not in text


@pytest.mark.slow
def test_a_run_without_pages_says_nothing_of_them() -> None:
    native = example.measurement(pages.NATIVE, example.SHAPES["tflite", "xnnpack"], random.Random(1))
    page = Page(rendering.html(summarise(pages.run_of([(pages.NATIVE, native)]))))
    assert not [a for a, _ in page.of("table") if a.get("class") in ("stack setups", "stack inferences")]
    wasm = Page(rendering.html(summarise(pages.run_of([(pages.WASM, pages.answer(pages.WASM, read_back=0.01))]))))
    assert "compilation" not in table(wasm, "inferences")


def test_the_picture_of_stages_holds_the_setup_of_an_engines_own_loader() -> None:
    text = rendering.html(summary())
    assert "all of setup by the engine&#39;s own loader: 240 ms" in text


def test_markdown_tells_both() -> None:
    text = rendering.markdown(summary()).replace("\u202f", " ")
    assert "| tfjs wasm simd, 2 threads, chrome, warm caches | " in text
    assert "nothing, path loopback, 5.00 MB from caches" in text
    assert "| of it compilation |" in text
    assert "| 94.0 (10.3 %; 94.0; 12 shaders, 6 pipelines) |" in text
    assert "12 shaders, 6 pipelines" in text
    assert "of it read-back" in text


def test_the_terminal_tells_both_within_its_width() -> None:
    text = terminal(summary())
    assert max(map(len, text.splitlines())) <= 80
    inferences = text.partition("inside inferences")[2]
    assert "94.0" in inferences
    assert "tfjs wasm" not in inferences
    assert "setup of pages" in text


def test_gaps_of_cases_that_differ_only_in_how_they_load_are_told_apart() -> None:
    (text,) = (text for attributes, text in parsed().of("table") if attributes.get("class") == "stack gaps")
    assert "warm caches" in text
    assert "link 4g · as-shipped" in text


def test_a_proof_shows_everything_that_was_read_back() -> None:
    found = facts(proof_facts(pages.WEBGL, pages.answer(pages.WEBGL)))
    assert found["threads"].startswith("2 asked, 2 read back, 2 at work by processor time, 3 alive")
    assert found["WebAssembly file"].startswith("tfjs-backend-wasm-threaded-simd.wasm sha256 ")
    assert (found["browser"], found["runs in"]) == ("chromium 156.0.0.0", "main thread of the page")
    assert (found["visible"], found["focused"], found["crossOriginIsolated"]) == ("throughout", "throughout", "yes")
    assert found["hardwareConcurrency"] == "4, which the page was told on purpose"
    assert (found["renderer process"], found["fresh process"]) == ("4711", "yes")
    assert (found["software"], found["power preference"]) == ("yes, drawn by the CPU", "high-performance")
    assert found["clock"] == "resolves 5 µs, costs 41 ns"
    assert found["flags"] == "2 flags"
    assert found["downloads by the server"] == "40.0, 60.0 ms"


def test_a_proof_leaves_out_what_a_block_does_not_have() -> None:
    bare = pages.answer(pages.WEBGL).model_copy(update={"proof": Proof()})
    groups = proof_facts(pages.WEBGL, bare)
    assert [heading for heading, _ in groups] == ["What ran"]
    assert facts(groups) == {"engine": "tfjs 4.22.0", "threads": "2 asked"}


@pytest.mark.parametrize(("cases", "folded"), [(5, False), (100, True)])
@pytest.mark.slow
def test_many_cases_are_folded_scroll_in_boxes_and_can_be_found(cases: int, folded: bool) -> None:
    many = [replace(pages.WASM, threads=number) for number in range(1, cases + 1)]
    page = Page(rendering.html(summarise(pages.run_of((case, pages.answer(case)) for case in many))))
    ((model, _),) = ((a, text) for a, text in page.of("details") if a.get("class") == "model")
    assert ("open" in model) != folded
    assert any(a.get("id") == "find" for a, _ in page.of("input")) == folded
    assert any(a.get("class") == "tall" for a, _ in page.of("div")) == folded
    assert any("tabindex" in a for a, _ in page.of("div") if a.get("class") == "long") == folded
