"""The three sentences at the top, for runs of every kind, and the figure below them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Case, Run
from mobilebench.report import document as doc
from mobilebench.report.sections import findings
from tests.analysis import example
from tests.analysis.test_explain import RUNGS, run_of
from tests.analysis.test_findings import only
from tests.pinning import Pinned
from tests.report import rendering
from tests.report.sections import reading

PHONES = {phone.id for phone in example.PHONES}
KEPT: dict[str, tuple[int, Callable[[Case], bool]]] = {
    "everything": (3, lambda case: True),
    "two models": (3, lambda case: case.target == "host"),
    "one model": (3, lambda case: case.target == "host" and case.model == "mobilenet_v2"),
    "one block": (1, lambda case: case.target == "host" and case.model == "bert_small"),
    "native only": (3, lambda case: case.target == "host" and case.browser is None),
    "web only": (2, lambda case: case.target == "host" and case.browser is not None),
    "one native": (3, lambda case: case.target == "host" and case.engine == "tflite" and case.model == "bert_small"),
    "virtual": (3, lambda case: case.target in PHONES),
    "suspect": (3, lambda case: case.target in PHONES and case.engine != "tflite" and case.model == "bert_small"),
    "invalid": (1, lambda case: case.engine == "ortjs" and case.model == "mobilenet_v2"),
    "no case": (1, lambda case: False),
}


def sentences(run: Run) -> list[str]:
    blocks = findings.sentences(reading.run_view(summarise(run)), doc.FORMS)
    return [doc.plain(block.text) for block in blocks if isinstance(block, doc.Paragraph)]


@pytest.mark.slow
@pytest.mark.parametrize("kept", KEPT)
def test_three_sentences_say_what_where_and_how_sure(kept: str, pinned: Pinned) -> None:
    rounds, keep = KEPT[kept]
    told = sentences(only(example.example_run(rounds=rounds), keep))
    assert len(told) == 3
    assert all(sentence.endswith(".") for sentence in told)
    pinned("\n".join(told))


def test_many_virtual_phones_are_counted() -> None:
    run = only(example.example_run(), KEPT["virtual"][1])

    def like(more: str) -> Run:
        text = run.model_dump_json()
        for phone in PHONES:
            text = text.replace(f'"{phone}"', f'"{phone}-{more}"')
        return Run.model_validate_json(text)

    others = like("more")
    info = run.info.model_copy(update={"targets": [*run.info.targets, *others.info.targets]})
    told = sentences(
        Run(info=info, planned=[*run.planned, *others.planned], blocks=[*run.blocks, *others.blocks], models=run.models)
    )
    assert told[0].startswith("On 4 virtual phones, the fastest page takes ")


def test_terminal_and_markdown_begin_with_the_same_sentences() -> None:
    run = example.example_run()
    told = sentences(run)
    summary = summarise(run)
    terminal = " ".join(rendering.terminal(summary, 5000).splitlines()[:3])
    assert " ".join(terminal.split()) == " ".join(told)
    markdown = rendering.markdown(summary)
    assert all(markdown.index(sentence[:40]) < markdown.index("22 valid") for sentence in told)


def test_the_figure_has_a_row_for_each_gap_and_names_virtual_phones() -> None:
    (figure,) = (
        block
        for block in findings.head(reading.run_view(summarise(example.example_run())))
        if isinstance(block, doc.Figure)
    )
    labels = [label for label, _ in figure.data]
    assert len(labels) == 6
    assert sum("(virtual)" in label for label in labels) == 4


def test_without_a_gap_there_is_no_figure() -> None:
    run = only(example.example_run(), lambda case: case.browser is None)
    assert not any(isinstance(block, doc.Figure) for block in findings.head(reading.run_view(summarise(run))))


def why(run: Run) -> str:
    last = findings.head(reading.run_view(summarise(run)))[-1]
    assert isinstance(last, doc.Paragraph)
    return doc.plain(last.text)


def test_measured_steps_tell_why_there_is_a_gap() -> None:
    told = why(run_of(RUNGS))
    assert told.startswith("Why, for mobilenet_v2")
    for factor in ("1.50×", "4.00×", "1.25×"):
        assert factor in told
    assert "--suite ladder" not in told


def test_without_measured_steps_the_command_is_named() -> None:
    steps = list(RUNGS)
    assert "--suite ladder --model mobilenet_v2" in why(run_of({steps[0]: 2.0, steps[-1]: 8.0}))
