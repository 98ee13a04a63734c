"""What people and programs get to see of a comparison: Markdown, terminal, JSON and JUnit XML."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

from mobilebench.analysis.compare import Comparison, Limit, compare, limit
from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Run
from mobilebench.report import markdown, terminal
from mobilebench.report.comparison import (
    as_json,
    change_range,
    document,
    found_sentence,
    junit,
    limit_sentence,
    percent_change,
)
from mobilebench.statistics.estimates import Interval
from tests.analysis import example
from tests.analysis.runs import ORT, SIMD, TFLITE, run_of, times
from tests.pinning import Pinned
from tests.report import hostile

BEFORE = run_of(1, {TFLITE: times(), ORT: times(1, 2)})
AFTER = run_of(2, {TFLITE: times(2), ORT: times(), SIMD: times()}, version="9.9.9")


def compared(before: Run = BEFORE, after: Run = AFTER) -> Comparison:
    return compare(summarise(before), summarise(after))


def printed(found: Comparison) -> str:
    console = Console(width=160, file=io.StringIO())
    console.print(terminal.render(document(found)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def limits(found: Comparison, *texts: str) -> list[Limit]:
    return [limit(text).on(found) for text in texts]


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (1.052, "+5.2\u202f%"),
        (0.5, "\u221250.0\u202f%"),
        (1.0001, "0.0\u202f%"),
        (0.9999, "0.0\u202f%"),
        (4, "+300\u202f%"),
    ],
)
def test_changes_have_a_sign(ratio: float, text: str) -> None:
    assert percent_change(ratio) == text


def test_an_interval_names_both_ends() -> None:
    assert change_range(Interval(0.9, 1.2)) == "\u221210.0\u202f% to +20.0\u202f%"


def test_the_first_sentence_counts_what_was_found(pinned: Pinned) -> None:
    pinned(found_sentence(compared()))
    pinned(found_sentence(compared(run_of(1, {TFLITE: times()}), run_of(2, {TFLITE: times()}))))
    pinned(found_sentence(compared(run_of(1, {TFLITE: times(1, 2)}), run_of(2, {TFLITE: times()}))))


def test_limits_are_said_to_be_kept_or_broken(pinned: Pinned) -> None:
    for one in limits(compared(), "prediction > 5%", "prediction > 500%"):
        pinned(limit_sentence(one))


def test_markdown_has_a_table_and_lists_the_rest() -> None:
    text = markdown.render(document(compared()))
    row = next(line for line in text.splitlines() if line.startswith("| tflite"))
    assert [cell.strip() for cell in row.split("|")][-2] == "slower"
    assert "| case | before, ms | after, ms | change | 95 % interval | corrected p | found |" in text
    assert "the first run has 2 blocks of it" in text
    assert "## Only in run-2" in text
    assert "engine version 2.18.0 → 9.9.9" in text


def test_a_reason_that_many_cases_share_is_said_once() -> None:
    cases = [replace(TFLITE, batch=batch) for batch in range(1, 7)]
    found = compared(run_of(1, dict.fromkeys(cases, times(1, 2))), run_of(2, dict.fromkeys(cases, times())))
    assert markdown.render(document(found)).count("a change needs 3") == 1


def test_the_terminal_shows_the_same() -> None:
    shown = printed(compared())
    for words in ("slower", "Only in run-2", "engine version 2.18.0 → 9.9.9", "tflite cpu xnnpack"):
        assert words in shown, words


def test_virtual_targets_and_suspect_cases_are_marked() -> None:
    phone = example.PHONES[0]
    there = replace(TFLITE, target=phone.id)
    text = markdown.render(
        document(
            compared(run_of(1, {there: times()}, target=phone), run_of(2, {there: [5, 10, 20, 10, 10]}, target=phone))
        )
    )
    assert "(virtual)" in text
    assert "(suspect)" in text


def test_json_has_every_case_and_stage() -> None:
    found = compared()
    made = json.loads(json.dumps(as_json(found, limits(found, "prediction > 5%"))))
    tflite = next(case for case in made["cases"] if case["after"] == TFLITE.key)
    assert tflite["stages"]["prediction"]["call"] == "slower"
    assert tflite["stages"]["prediction"]["ratio"] == pytest.approx(2)
    assert made["only_after"] == [SIMD.key]
    assert made["limits"] == [{"limit": "prediction > 5%", "kept": False, "broken_by": [TFLITE.key]}]


def junit_tests(text: str) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(text.split("?>", 1)[1])
    (suite,) = root.findall("testsuite")
    found = {str(test.get("name")): test for test in suite.findall("testcase")}
    for name, kind in (("failures", "failure"), ("skipped", "skipped")):
        assert suite.get(name) == str(sum(test.find(kind) is not None for test in found.values()))
    assert suite.get("tests") == str(len(found))
    return found


def outcomes(text: str) -> dict[str, str]:
    return {name.split(" ")[0]: next((part.tag for part in test), "passed") for name, test in junit_tests(text).items()}


@pytest.mark.parametrize(
    ("texts", "outcome"), [((), "passed"), (("prediction > 5%",), "failure"), (("prediction > 500%",), "passed")]
)
def test_junit_fails_only_for_limits(texts: Sequence[str], outcome: str) -> None:
    found = compared()
    assert outcomes(junit(found, limits(found, *texts))) == {"tflite": outcome, "onnxruntime": "skipped"}


def test_junit_says_by_how_much(pinned: Pinned) -> None:
    found = compared()
    tests = junit_tests(junit(found, limits(found, "prediction > 5%")))
    failure = next(test.find("failure") for name, test in tests.items() if name.startswith("tflite"))
    assert failure is not None
    pinned(str(failure.get("message")))


def test_what_a_device_says_is_text_in_every_form() -> None:
    strange = f"{hostile.EVERYTHING}\ufffe\x00"
    before, after = (
        run_of(number, {TFLITE: times(), ORT: times(1, 2)}, version=f"{strange}{number}") for number in (1, 2)
    )
    host = example.host().model_copy(update={"name": strange})
    after = after.model_copy(update={"info": after.info.model_copy(update={"targets": [host]})})
    found = compared(before, after)
    assert junit_tests(junit(found))
    text = markdown.render(document(found))
    assert "<script>" not in text
    assert "\x1b" not in text + printed(found)
