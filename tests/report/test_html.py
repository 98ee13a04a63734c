from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Run
from tests.analysis import example
from tests.pinning import Pinned
from tests.report import rendering
from tests.report.hostile import hostile_run, planned_engine

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


def test_it_needs_no_network() -> None:
    text, parsed = example_page()
    for attributes, _ in parsed.of("script", "link", "img", "iframe", "a"):
        address = attributes.get("src") or attributes.get("href") or "#"
        assert address.startswith(("#", "data:"))
    assert not re.search(r"@import|url\(", text)


@pytest.mark.slow
def test_hostile_text_stays_text() -> None:
    text, parsed = page(hostile_run())
    assert len(parsed.of("script")) == 1
    assert "alert" not in parsed.of("script")[0][1]
    assert not [a for _, a, _ in parsed.elements if any(name.startswith("on") for name in a)]
    assert "{{ 7*7 }}" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_hostile_engine_name_does_not_reach_the_pictures_as_code() -> None:
    _, parsed = page(planned_engine(example.example_run(), "<script>x</script>\"'"))
    assert len(parsed.of("script")) == 1


def test_only_its_own_script_may_run(pinned: Pinned) -> None:
    text, parsed = example_page()
    (policy,) = [a["content"] for a, _ in parsed.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    pinned(policy)
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}';", policy)
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
    plots = [text for attributes, text in parsed.of("svg") if attributes.get("class") == "plot"]
    assert plots
    assert all(text.startswith(f"virtual: {example.CPU}") for text in plots)


def test_a_real_target_is_not_called_virtual() -> None:
    run = example.example_run()
    host_only = run.model_copy(
        update={
            "info": run.info.model_copy(update={"targets": [example.host()]}),
            "planned": [plan for plan in run.planned if plan.case.target == "host"],
            "blocks": [block for block in run.blocks if block.planned.case.target == "host"],
        }
    )
    _, parsed = page(host_only)
    assert not any("virtual" in text for _, text in parsed.of("figure", "table", "aside", "article"))


def test_each_case_that_ran_has_its_proof_one_click_away() -> None:
    run = example.example_run()
    _, parsed = page(run)
    targets = {attributes.get("popovertarget") for attributes, _ in parsed.of("button") if "aria-label" in attributes}
    proofs = {attributes["id"]: text for attributes, text in parsed.of("aside")}
    ran = [case for target in summarise(run).targets for case in target.cases if case.status != "unsupported"]
    assert set(proofs) == targets
    assert len(proofs) == len(ran)
    threaded = next(text for text in proofs.values() if "tfjs wasm simd-threads" in text)
    for part in ("2 asked, 2 read back", "tf.wasm.getThreadsCount()", "sha256", "crossOriginIsolated", "Round 1"):
        assert part in threaded
    native = next(text for text in proofs.values() if "tflite cpu" in text)
    assert "XNNPACK: 66 nodes in 1 partition" in native
    assert "ORT_DISABLE_TELEMETRY=1" in native


def test_cases_of_which_nothing_was_measured_stand_together_with_their_reason(pinned: Pinned) -> None:
    _, parsed = example_page()
    (reasons, *_) = (text for attributes, text in parsed.of("details") if attributes.get("class") == "more left-out")
    pinned(reasons)
    results = [text for attributes, text in parsed.of("table") if attributes.get("class") == "stack results"]
    assert not any("This computer has no GPU" in text for text in results)


def test_tables_have_headers_and_pictures_have_words() -> None:
    text, parsed = example_page()
    assert text.count("<table") == text.count("<caption") == text.count("<thead")
    assert all(attributes.get("scope") in ("col", "row") for attributes, _ in parsed.of("th"))
    for attributes, _ in parsed.of("svg"):
        assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")


def test_reasons_are_shown() -> None:
    text, _ = example_page()
    for reason in ("This computer has no GPU", "The page did not answer within 60 s.", "limit 1e-4"):
        assert reason in text


def test_an_interrupted_run_says_how_to_go_on() -> None:
    run = example.example_run()
    info = run.info.model_copy(update={"status": "interrupted"})
    text, _ = page(run.model_copy(update={"info": info, "blocks": run.blocks[:5]}))
    assert "5 of 51 planned blocks are stored" in text
    assert f"<code>mobilebench run --resume {info.id}</code>" in text


@pytest.mark.parametrize("targets", [0, 3])
def test_a_run_that_measured_nothing_is_still_a_page(targets: int) -> None:
    info = example.info([example.host(), *example.PHONES][:targets])
    text, _ = page(Run(info=info, planned=[], blocks=[]))
    assert "No block was run." in text


def test_the_command_is_repeatable_and_quoted() -> None:
    text, _ = example_page()
    assert "mobilebench run --serial all --suite quick --seed 42" in text
