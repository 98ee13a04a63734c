"""The HTML renderer: one page that works offline, in which no text of a device or page is code."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Kernel, MemoryUse, Run
from mobilebench.report.figures import theme
from tests.analysis import example, pages, watching
from tests.pinning import Pinned
from tests.report import rendering
from tests.report.hostile import EVERYTHING, SCRIPT, hostile_run, planned_engine

TFLITE = example.case("host", "tflite", "xnnpack")
VOID = {"meta", "link", "br", "input", "img", "hr"}


class Page(HTMLParser):
    """Every element with its attributes and the text inside it; fails on tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self._open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, dict(attrs), [tag])
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, _, texts in self._open:
            texts.append(data)

    def of(self, *tags: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, "".join(texts[1:])) for tag, attributes, texts in self.elements if tag in tags]


@cache
def example_page() -> tuple[str, Page]:
    return page(example.example_run())


def page(run: Run) -> tuple[str, Page]:
    text = rendering.html(summarise(run))
    return text, Page(text)


def scripts(parsed: Page) -> list[str]:
    """Scripts that run; specifications of figures are data."""
    return [text for attributes, text in parsed.of("script") if attributes.get("type") != "application/gzip"]


def specifications(parsed: Page) -> list[dict[str, Any]]:
    found = [text for attributes, text in parsed.of("script") if attributes.get("type") == "application/gzip"]
    return [json.loads(gzip.decompress(base64.b64decode(text))) for text in found]


@pytest.mark.slow
def test_it_needs_no_network() -> None:
    text, parsed = example_page()
    for attributes, _ in parsed.of("script", "link", "img", "iframe", "a"):
        address = attributes.get("src") or attributes.get("href") or "#"
        assert address.startswith(("#", "data:"))
    assert not re.search(r"@import|url\(", text)


@pytest.mark.slow
def test_hostile_text_stays_text() -> None:
    text, parsed = page(hostile_run())
    assert len(scripts(parsed)) == 2
    assert not any("alert" in script for script in scripts(parsed))
    assert not [a for _, a, _ in parsed.elements if any(name.startswith("on") for name in a)]
    assert "{{ 7*7 }}" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.slow
def test_a_hostile_engine_name_does_not_reach_the_pictures_as_code() -> None:
    text, parsed = page(planned_engine(pages.page_run(), "<script>x</script>\"'"))
    assert len(scripts(parsed)) == 2
    assert len(specifications(parsed)) == text.count('<figure class="chart">')


def test_only_its_own_script_may_run(pinned: Pinned) -> None:
    text, parsed = example_page()
    (policy,) = [a["content"] for a, _ in parsed.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    pinned(policy)
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}' 'sha256-[A-Za-z0-9+/=]{44}';", policy)
    assert "style=" not in text.partition("<body>")[2]


def test_every_picture_table_and_proof_of_a_virtual_target_says_virtual() -> None:
    run = example.example_run()
    phones_only = run.model_copy(
        update={
            "info": run.info.model_copy(update={"targets": list(example.PHONES)}),
            "planned": [plan for plan in run.planned if plan.case.target != "host"],
            "blocks": [block for block in run.blocks if block.planned.case.target != "host"],
        }
    )
    _, parsed = page(phones_only)
    shown = parsed.of("figure", "table", "aside", "article")
    assert len(shown) > 20
    assert all("virtual" in text for _, text in shown)
    marks = [spec["title"]["text"] for spec in specifications(parsed) if "title" in spec]
    assert set(marks) == {f"virtual: {example.CPU}"}
    assert len(marks) == len(specifications(parsed)) - 1


def test_a_real_target_is_not_called_virtual() -> None:
    _, parsed = page(pages.page_run())
    assert not any("virtual" in text for _, text in parsed.of("figure", "table", "aside", "article"))


def test_each_case_that_ran_has_its_proof_one_click_away() -> None:
    _, parsed = example_page()
    targets = {attributes.get("popovertarget") for attributes, _ in parsed.of("button") if "aria-label" in attributes}
    proofs = {attributes["id"]: text for attributes, text in parsed.of("aside")}
    cases = [case for target in summarise(example.example_run()).targets for case in target.cases]
    assert set(proofs) == targets
    assert len(proofs) == sum(case.status != "unsupported" for case in cases)


def test_tables_have_headers_and_pictures_have_words() -> None:
    text, parsed = example_page()
    assert text.count("<table") == text.count("<caption") == text.count("<thead")
    assert all(attributes.get("scope") in ("col", "row", "colgroup") for attributes, _ in parsed.of("th"))
    pictures = [attributes for attributes, _ in parsed.of("div") if attributes.get("role") == "img"]
    assert len(pictures) == text.count('<figure class="chart">')
    assert all(attributes.get("aria-label") for attributes in pictures)


@pytest.mark.slow
def test_hostile_names_of_kernels_and_stages_stay_text() -> None:
    evil = [Kernel(name=EVERYTHING, operator=EVERYTHING, provider=SCRIPT, collapsed=True, times_ms=[1.0])]
    plans = [watching.planned_pass(0, TFLITE, "kernels"), watching.planned_pass(1, TFLITE, "memory")]
    seen = watching.memory_answer(TFLITE, random.Random(1))
    assert seen.memory is not None
    readings = [reading.model_copy(update={"stage": EVERYTHING}) for reading in seen.memory.readings]
    answers = [
        watching.kernels_answer(TFLITE, random.Random(1)).model_copy(update={"kernels": evil}),
        seen.model_copy(update={"memory": MemoryUse(readings=readings, notes=[EVERYTHING])}),
    ]
    blocks = [example.measured(plan, answer) for plan, answer in zip(plans, answers, strict=True)]
    run = Run(info=example.info([example.host()]), planned=plans, blocks=blocks)
    text, parsed = page(run)
    assert len(scripts(parsed)) == 2
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", text)


@pytest.mark.slow
def test_fifty_cases_stay_one_page_of_folded_tables() -> None:
    cases = [example.case("host", "tflite", "xnnpack", threads=number) for number in range(1, 51)]
    text, parsed = page(watching.watched_run(cases=cases))
    assert sum(caption.startswith("By type") for _, caption in parsed.of("caption")) == 50
    assert not any("open" in a for a, _ in parsed.of("details") if a.get("class") in ("more", "each"))
    assert len(text) < 3_000_000


@pytest.mark.parametrize(("cases", "folded"), [(5, False), (100, True)])
@pytest.mark.slow
def test_many_cases_are_folded_scroll_in_boxes_and_can_be_found(cases: int, folded: bool) -> None:
    many = [replace(pages.WASM, threads=number) for number in range(1, cases + 1)]
    _, parsed = page(pages.run_of((case, pages.answer(case)) for case in many))
    ((model, _),) = ((a, text) for a, text in parsed.of("details") if a.get("class") == "model")
    assert ("open" in model) != folded
    assert any(a.get("id") == "find" for a, _ in parsed.of("input")) == folded
    rows = max(spec.get("height", 0) for spec in specifications(parsed)) / theme.ROW
    assert rows == min(cases, theme.MOST_ROWS)
    assert any("tabindex" in a for a, _ in parsed.of("div") if a.get("class") == "long") == folded
