"""What a night says to people, to CI servers and to Prometheus."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mobilebench.core.errors import ExitCode
from mobilebench.nights import conduct, metrics, past, summary, telling
from mobilebench.nights.junit import junit
from mobilebench.nights.records import EXIT_CODES, AbResult, Accepted, Change, Flaky, Night, Phone, StepRecord, Told
from tests.nights.rig import config

HOSTILE = "</testcase>]]>&\x00\x1b[31m|`<b>\n# x"
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"name"}, {"tests", "failures", "errors", "skipped", "time"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"skipped", "time", "timestamp", "hostname", "id", "package"},
        {"testcase", "properties", "system-out", "system-err"},
    ),
    "testcase": ({"name", "classname"}, {"time"}, {"skipped", "failure", "error", "system-out", "system-err"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "skipped": (set(), {"message"}, set()),
    "system-out": (set(), set(), set()),
}
"""Element to its required attributes, its further ones and its children, by the XSD of Jenkins' JUnit reader."""


def change(**fields: Any) -> Change:
    made = {
        "step": "quick",
        "case": "host/tflite",
        "label": "bert_small, tflite cpu",
        "target": "host",
        "stage": "prediction",
        "call": "slower",
        "before_ms": 10.0,
        "after_ms": 12.0,
        "ratio": 1.2,
        "interval": (1.15, 1.25),
        "corrected_p": 0.0004,
        "limit": 0.05,
        "worse": True,
        "base": "run-1",
    }
    return Change.model_validate({**made, **fields})


def full_night() -> Night:
    """A night in which everything happened."""
    night = conduct.begin(config(), datetime(2026, 11, 30, 1, 2, 3, tzinfo=UTC))
    untold = {"ratio": None, "interval": None, "corrected_p": None}
    steps = [
        StepRecord(
            name="quick",
            suite="quick",
            state="done",
            runs=["run-2"],
            seconds=61.5,
            cases={"host/tflite": "valid", "host/ort": "failed", "host/web": "not measured"},
            times_ms={"host/tflite": {"prediction": 12.0}},
        ),
        StepRecord(name="web", suite="web", state="cut by the budget"),
        StepRecord(name="late", suite="web", state="no phone", problem="no target that is selected can be measured"),
        StepRecord(name="two", suite="web", kind="ab", state="done"),
    ]
    changes = [
        change(),
        change(case="host/ort", call="lost", reason=f"it was valid and is failed: {HOSTILE}", stage=None, **untold),
        change(case="host/b", call="faster", ratio=0.8, interval=(0.7, 0.9), worse=False),
        change(case="host/c", call="cannot be told", reason="2 blocks", worse=False, **untold),
        change(case="host/d", call="not compared", reason="other model file", stage=None, worse=False, **untold),
        change(case="host/e", flaky=True),
    ]
    told = night.model_copy(
        update={
            "status": "finished",
            "ended_at": datetime(2026, 11, 30, 3, tzinfo=UTC),
            "outcome": "worse",
            "exit_code": 6,
            "budget_seconds": 7200.0,
            "spent_seconds": 3600.0,
            "phones": [
                Phone(id="host", name="pc", outcome="ready"),
                Phone(id="R58M", name=HOSTILE, outcome="blocked", words=HOSTILE),
            ],
            "steps": steps,
            "changes": changes,
            "flaky": [Flaky(step="quick", case="host/e", unsteady=4, nights=8, statuses=["valid", "failed"])],
            "ab": [
                AbResult(
                    step="two", before="tfjs@4.2", after="tfjs", versions=["engine 1 → 2"], changes=[change(step="two")]
                )
            ],
            "missing": ["host/gone"],
            "differences": ["quick: engine version 1 → 2 (1 case)"],
            "notes": ["web: there is no baseline yet."],
            "told": [Told(whom="webhook NIGHT_WEBHOOK", problem="it answered 500")],
        }
    )
    return Night.model_validate(told.model_dump())


def check(element: Element) -> None:
    """Raise an assertion where the element is not as the schema says."""
    required, further, children = SCHEMA[element.tag]
    assert required <= set(element.keys()) <= required | further, element.attrib
    for child in element:
        assert child.tag in children, (element.tag, child.tag)
        check(child)
    for name in ("tests", "failures", "errors", "skipped"):
        assert element.get(name, "0").isdecimal()
    if element.tag == "testcase":
        assert len(element) <= 1


def test_junit_is_valid_and_counts_what_it_holds() -> None:
    text = junit(full_night())
    root = ElementTree.fromstring(text.encode())
    check(root)
    for suite in root:
        assert suite.get("tests") == str(len(suite))
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(name) == str(len(suite.findall(f"testcase/{tag}")))
    assert root.get("failures") == "2"
    failed = [test.get("classname") for test in root.iterfind(".//testcase") if test.find("failure") is not None]
    assert failed == ["quick.host", "quick.host"]
    by_suite = {str(suite.get("name")): suite for suite in root}
    assert by_suite["two"].get("failures") == "0", "an A/B comparison fails only where that is asked"
    skipped = [str(one.get("message")) for one in root.iterfind(".//skipped")]
    assert any(one.startswith("flaky, and not counted: slower: +20.0") for one in skipped)
    assert any(one.startswith("blocked: ") for one in skipped)
    assert [str(one.get("message")) for one in root.iterfind(".//error")] == [
        "done, 1 case not measured",
        "cut by the budget",
    ]
    assert "\x00" not in text and "\x1b" not in text


def test_prometheus_reads_the_metrics(tmp_path: Path) -> None:
    metrics.write(full_night(), tmp_path / "night.prom")
    families = {one.name: one for one in text_string_to_metric_families((tmp_path / "night.prom").read_text())}
    value = {
        name: {tuple(sorted(sample.labels.items())): sample.value for sample in family.samples}
        for name, family in families.items()
    }
    lab = ("night", "lab")
    assert value["mobilebench_night_regressions"] == {(lab,): 2.0}
    assert value["mobilebench_night_exit_code"] == {(lab,): 6.0}
    assert value["mobilebench_night_outcome"][(lab, ("outcome", "worse"))] == 1.0
    assert sum(value["mobilebench_night_outcome"].values()) == 1.0
    assert value["mobilebench_night_typical_seconds"] == {
        (("case", "host/tflite"), lab, ("stage", "prediction"), ("suite", "quick")): 0.012
    }
    assert value["mobilebench_night_phone_measured"][(lab, ("outcome", "blocked"), ("phone", "R58M"))] == 0.0
    assert len(value["mobilebench_night_ab_ratio"]) == 1
    assert value["mobilebench_night_ended_timestamp_seconds"][(lab,)] == full_night().ended_at.timestamp()  # type: ignore[union-attr]
    assert all(family.documentation and family.type == "gauge" for family in families.values())


def test_what_was_not_measured_has_no_metric() -> None:
    fresh = conduct.begin(config())
    names = {one.name for one in metrics.registry(fresh).collect() if one.samples}
    assert "mobilebench_night_ended_timestamp_seconds" not in names
    assert "mobilebench_night_typical_seconds" not in names
    assert "mobilebench_night_exit_code" not in names


def test_markdown_has_every_finding_and_nothing_that_it_obeys() -> None:
    text = summary.markdown(full_night())
    headings = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "What got worse",
        "Flaky, and not counted",
        "A/B two: tfjs@4.2 → tfjs",
        "Phones that were skipped",
        "Not measured to the end",
        "What got better",
        "Not compared, or cannot be told",
        "What differs from the baseline",
        "Measured the night before, and not planned now",
        "Notes",
        "Not told",
        "Runs",
    ]
    assert text.startswith("# lab, night 20261130-010203-")
    assert "<b>" not in text and "\x1b" not in text
    rows = [line for line in text.splitlines() if line.startswith("| host |")]
    assert len(rows) == 5
    assert all(line.replace("\\|", "").count("|") == 11 for line in rows)
    assert "+20.0" in rows[0] and "< 0.001" in rows[0]


def test_a_chat_gets_a_few_lines() -> None:
    text = summary.chat(full_night())
    assert text.splitlines()[0].endswith(": something got worse")
    assert len(text.splitlines()) < 12
    assert "\x1b" not in text


def test_an_accepted_night_says_so() -> None:
    accepted = Accepted(at=datetime(2026, 12, 1, tzinfo=UTC), reason="new model files")
    night = full_night().model_copy(update={"accepted": accepted})
    assert night.good and not full_night().good
    assert "Accepted on 2026-12-01: new model files" in summary.markdown(night)


def test_the_reports_lie_beside_the_night(tmp_path: Path) -> None:
    night = full_night()
    past.write(tmp_path, night)
    telling.write_reports(night, past.night_folder(tmp_path, night))
    names = {file.name for file in past.night_folder(tmp_path, night).iterdir()}
    assert names == {"night.json", "night.md", "junit.xml", "night.prom"}
    assert past.nights(tmp_path, "lab") == [night]


@pytest.mark.parametrize("outcome", EXIT_CODES)
def test_every_outcome_has_a_headline_and_a_code(outcome: Any) -> None:
    assert summary.HEADLINES[outcome]
    assert EXIT_CODES[outcome] in ExitCode
    assert (EXIT_CODES[outcome] == 0) == (outcome == "good")


def test_every_metric_is_described() -> None:
    text = (Path(__file__).parents[2] / "docs" / "nightly.md").read_text()
    for one in metrics.registry(full_night()).collect():
        assert one.name.removeprefix("mobilebench_night_") in text, one.name
